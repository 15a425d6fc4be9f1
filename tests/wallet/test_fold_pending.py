"""Folding pending postings: balances are the same before, during and after it, even while people pay each other."""

import asyncio
from collections.abc import Sequence
from uuid import UUID

import asyncpg
from hypothesis import given, settings
from hypothesis import strategies as st

from _support.databases import Connection
from _support.members import Member
from _support.servers import Server
from _support.waiting import wait_until
from hallmarket.server.database.connections import Database
from hallmarket.server.errors import InsufficientFunds
from hallmarket.server.wallet.fold_pending import BUSY_POSTINGS, fold_pending
from hallmarket.server.wallet.lock import lock_wallets
from hallmarket.server.wallet.transfer import move, record_transfers
from hallmarket.server.wallet.types import FUNDING, Transfer

BALANCES = """
select a.person_id, account_balance(a) as balance, a.balance_minor as folded
from account a where a.person_id = any ($1::uuid[]) and a.currency = 'usd'
"""
START = 1000
payments = st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2), st.integers(1, 600)), min_size=5, max_size=25)


def credit_of(person_id: UUID, amount: int) -> Transfer:
    """Return a transfer that credits a person."""
    return Transfer(kind="credit", currency="usd", postings=move(amount, FUNDING["usd"], person_id))


async def pay(database: Database, payer: UUID, payee: UUID, amount: int) -> int:
    """Pay another person, and return the amount that moved: 0 if the payer has less."""
    async with database.transaction() as tx:
        wallets = await lock_wallets(tx, [payer])
        try:
            wallets[payer, "usd"].withdraw(amount)
        except InsufficientFunds:
            return 0
        await record_transfers(tx, [Transfer(kind="tip", currency="usd", postings=move(amount, payer, payee))])
        return amount


async def read_balances(connection: Connection, people: Sequence[UUID]) -> dict[UUID, int]:
    """Return people's balances in dollars."""
    return {row["person_id"]: row["balance"] for row in await connection.fetch(BALANCES, people)}


@settings(max_examples=10)
@given(planned=payments)
def test_folding_changes_no_balance(server: Server, planned: list[tuple[int, int, int]]) -> None:
    """While people pay each other concurrently and accounts are folded, every read sees the same sum of money."""
    people = [UUID(server.new_member().person) for _ in range(3)]

    async def run() -> None:
        database = Database(server.postgres_url, 8)
        await database.open()
        try:
            async with database.transaction() as tx:
                await record_transfers(tx, [credit_of(person, START) for person in people])
            done = asyncio.Event()

            async def keep_reading() -> None:
                async with database.connection() as connection:
                    while not done.is_set():
                        balances = (await read_balances(connection, people)).values()
                        assert sum(balances) == START * len(people)
                        assert min(balances) >= 0

            async def keep_folding() -> None:
                while not done.is_set():
                    await fold_pending(database)

            tasks = [asyncio.create_task(work()) for work in (keep_reading, keep_folding, keep_folding)]
            pairs = [(people[payer], people[payee], amount) for payer, payee, amount in planned if payer != payee]
            moved = await asyncio.gather(*(pay(database, *pair) for pair in pairs))
            done.set()
            await asyncio.gather(*tasks)
            expected = dict.fromkeys(people, START)
            for (payer, payee, _), amount in zip(pairs, moved, strict=True):
                expected[payer] -= amount
                expected[payee] += amount
            async with database.connection() as connection:
                assert await read_balances(connection, people) == expected
                await fold_pending(database)
                assert await read_balances(connection, people) == expected
        finally:
            await database.close()

    asyncio.run(run())


def test_only_accounts_with_enough_pending_postings_are_folded(server: Server, member: Member) -> None:
    """An account with the required number of pending postings is folded completely, one with fewer is not."""
    person_id = UUID(member.person)

    async def run() -> list[int]:
        database = Database(server.postgres_url, 2)
        await database.open()
        try:
            async with database.transaction() as tx:
                await record_transfers(tx, [credit_of(person_id, 1) for _ in range(5)])
            folded = []
            for min_postings in (6, 5):
                await fold_pending(database, min_postings)
                async with database.connection() as connection:
                    (row,) = await connection.fetch(BALANCES, [person_id])
                assert row["balance"] == 5
                folded.append(row["folded"])
            return folded
        finally:
            await database.close()

    assert asyncio.run(run()) == [0, 5]


def test_a_locked_account_is_skipped(server: Server, member: Member) -> None:
    """An account that a payer has locked is skipped without waiting, and folded by the next round."""
    person_id = UUID(member.person)

    async def run() -> list[int]:
        database = Database(server.postgres_url, 3)
        await database.open()
        folded = []
        try:
            async with database.transaction() as tx:
                await record_transfers(tx, [credit_of(person_id, 7)])
            async with database.transaction() as tx:
                await lock_wallets(tx, [person_id])
                await fold_pending(database)
                folded.append((await tx.fetchrow(BALANCES, [person_id]))["folded"])
            await fold_pending(database)
            async with database.connection() as connection:
                folded.append((await connection.fetchrow(BALANCES, [person_id]))["folded"])
            return folded
        finally:
            await database.close()

    assert asyncio.run(run()) == [0, 7]


def test_a_server_folds_busy_accounts(server: Server, member: Member) -> None:
    """A running server folds an account with many pending postings within seconds."""
    person_id = UUID(member.person)

    async def receive() -> None:
        connection = await asyncpg.connect(server.postgres_url)
        try:
            async with connection.transaction():
                await record_transfers(connection, [credit_of(person_id, 1) for _ in range(BUSY_POSTINGS)])
        finally:
            await connection.close()

    asyncio.run(receive())
    wait_until(lambda: server.query(BALANCES, [person_id])[0]["folded"] == BUSY_POSTINGS)
