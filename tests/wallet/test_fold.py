"""Counting up: balances are the same before, during and after it, whoever pays meanwhile."""

import asyncio
from uuid import UUID

import asyncpg
from hypothesis import given, settings
from hypothesis import strategies as st

from _support.members import Member
from _support.servers import Server
from _support.waiting import wait_until
from hallmarket.server.database.connections import Database
from hallmarket.server.errors import InsufficientFunds
from hallmarket.server.wallet.fold import MANY, fold
from hallmarket.server.wallet.transfer import find_accounts, lock_wallets, move, record_transfers, require_funds
from hallmarket.server.wallet.types import FUNDING, Transfer

HELD = """
select a.person_id, account_balance(a) as held, a.balance_minor as counted
from account a where a.person_id = any ($1::uuid[]) and a.currency = 'usd'
"""
START = 1000
gifts = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(1, 600)), min_size=5, max_size=25)


async def give(database: Database, giver: UUID, taker: UUID, amount: int) -> int:
    """What really moved from one to the other: all of it, or nothing where that is more than there is."""
    async with database.transaction() as tx:
        wallets = await lock_wallets(tx, [giver])
        try:
            require_funds(wallets[giver, "usd"].balance_minor, amount, "usd")
        except InsufficientFunds:
            return 0
        payee = (await find_accounts(tx, [taker]))[taker, "usd"]
        await record_transfers(
            tx, [Transfer(kind="tip", currency="usd", postings=move(amount, wallets[giver, "usd"].id, payee))]
        )
        return amount


@settings(max_examples=10)
@given(wanted=gifts)
def test_balances_stay(server: Server, wanted: list[tuple[int, int, int]]) -> None:
    """While people pay each other at once and accounts are counted up, no look ever sees money come or go."""
    people = [UUID(server.new_member().person) for _ in range(3)]

    async def run() -> None:
        database = Database(server.postgres_url, 8)
        await database.open()
        try:
            async with database.transaction() as tx:
                accounts = await find_accounts(tx, people)
                received = [
                    Transfer(kind="credit", currency="usd", postings=move(START, FUNDING["usd"], accounts[who, "usd"]))
                    for who in people
                ]
                await record_transfers(tx, received)
            done = asyncio.Event()

            async def look() -> None:
                async with database.connection() as connection:
                    while not done.is_set():
                        rows = await connection.fetch(HELD, people)
                        assert sum(row["held"] for row in rows) == START * len(people)
                        assert min(row["held"] for row in rows) >= 0

            async def count_up() -> None:
                while not done.is_set():
                    await fold(database)

            beside = [asyncio.create_task(look()), asyncio.create_task(count_up()), asyncio.create_task(count_up())]
            pairs = [(people[giver], people[taker], amount) for giver, taker, amount in wanted if giver != taker]
            moved = await asyncio.gather(*(give(database, *pair) for pair in pairs))
            done.set()
            await asyncio.gather(*beside)
            expected = dict.fromkeys(people, START)
            for (giver, taker, _), amount in zip(pairs, moved, strict=True):
                expected[giver] -= amount
                expected[taker] += amount
            async with database.connection() as connection:
                before = {row["person_id"]: row["held"] for row in await connection.fetch(HELD, people)}
                await fold(database)
                after = await connection.fetch(HELD, people)
            assert before == expected
            assert {row["person_id"]: row["held"] for row in after} == expected
        finally:
            await database.close()

    asyncio.run(run())


def test_hot_account_is_counted_up(server: Server, member: Member) -> None:
    """An account with many pending postings is counted up whole, one with few is left for later."""
    person_id = UUID(member.person)

    async def run() -> tuple[int, int]:
        database = Database(server.postgres_url, 2)
        await database.open()
        try:
            async with database.transaction() as tx:
                account = (await find_accounts(tx, [person_id]))[person_id, "usd"]
                received = [
                    Transfer(kind="credit", currency="usd", postings=move(1, FUNDING["usd"], account)) for _ in range(5)
                ]
                await record_transfers(tx, received)
            counted = []
            for at_least in (6, 5):
                await fold(database, at_least)
                async with database.connection() as connection:
                    rows = await connection.fetch(HELD, [person_id])
                assert [row["held"] for row in rows] == [5]
                counted.append(rows[0]["counted"])
            return counted[0], counted[1]
        finally:
            await database.close()

    assert asyncio.run(run()) == (0, 5)


def test_account_of_a_payer_is_passed_over(server: Server, member: Member) -> None:
    """An account that a payer has locked is passed over at once, and counted up by the next round."""
    person_id = UUID(member.person)

    async def run() -> list[int]:
        database = Database(server.postgres_url, 3)
        await database.open()
        counted = []
        try:
            async with database.transaction() as tx:
                account = (await find_accounts(tx, [person_id]))[person_id, "usd"]
                await record_transfers(
                    tx, [Transfer(kind="credit", currency="usd", postings=move(7, FUNDING["usd"], account))]
                )
            async with database.transaction() as tx:
                await lock_wallets(tx, [person_id])
                await fold(database)
                counted.append((await tx.fetchrow(HELD, [person_id]))["counted"])
            await fold(database)
            async with database.connection() as connection:
                counted.append((await connection.fetchrow(HELD, [person_id]))["counted"])
            return counted
        finally:
            await database.close()

    assert asyncio.run(run()) == [0, 7]


def test_server_counts_up_hot_accounts(server: Server, member: Member) -> None:
    """A running server counts up an account into which much came, without anybody asking."""
    person_id = UUID(member.person)

    async def sell() -> None:
        connection = await asyncpg.connect(server.postgres_url)
        try:
            async with connection.transaction():
                account = (await find_accounts(connection, [person_id]))[person_id, "usd"]
                many = [
                    Transfer(kind="credit", currency="usd", postings=move(1, FUNDING["usd"], account))
                    for _ in range(MANY)
                ]
                await record_transfers(connection, many)
        finally:
            await connection.close()

    asyncio.run(sell())
    wait_until(lambda: server.query(HELD, [person_id])[0]["counted"] == MANY)
