"""Move money: balanced transfers, inside the caller's transaction."""

from collections.abc import Iterable, Mapping, Sequence
from uuid import UUID

import asyncpg

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InsufficientFunds
from hallmarket.server.wallet.types import Account, Currency, Posting, Transfer, money

sql = load_queries(__package__)

Wallets = Mapping[tuple[UUID, Currency], Account]
CURRENCIES: tuple[Currency, ...] = ("usd", "btc")


async def find_accounts(tx: Connection, people: Iterable[UUID]) -> dict[tuple[UUID, Currency], UUID]:
    """The accounts of people who receive money, by person and currency; made where there are none."""
    wanted = sorted(set(people))
    found = await tx.fetch(sql.find_accounts, wanted)
    if len(found) < len(wanted) * len(CURRENCIES):
        pairs = [(person_id, currency) for person_id in wanted for currency in CURRENCIES]
        await tx.execute(sql.ensure_accounts, [new_id() for _ in pairs], *zip(*pairs, strict=True))
        found = await tx.fetch(sql.find_accounts, wanted)
    return {(row["person_id"], row["currency"]): row["id"] for row in found}


async def lock_wallets(tx: Connection, people: Iterable[UUID]) -> Wallets:
    """Lock the accounts of all who pay in this transaction, in one call, and say what they hold.

    Nobody else takes money from them until the transaction ends; they may go on receiving it.
    """
    wanted = set(people)
    locked = await tx.fetch(sql.lock_accounts, wanted)
    if len(locked) < len(wanted) * len(CURRENCIES):
        await find_accounts(tx, wanted)
        locked = await tx.fetch(sql.lock_accounts, wanted)
    rows = await tx.fetch(sql.find_balances, [row["id"] for row in locked])
    return {(row["person_id"], row["currency"]): Account(row["id"], row["balance_minor"]) for row in rows}


def require_funds(balance_minor: int, amount_minor: int, currency: Currency) -> None:
    """Raises InsufficientFunds, saying what is missing."""
    if balance_minor < amount_minor:
        missing = amount_minor - balance_minor
        raise InsufficientFunds(
            f"This takes {money(amount_minor, currency)}, and your wallet holds {money(balance_minor, currency)}:"
            f" {money(missing, currency)} is missing.",
            {"currency": currency, "amount": amount_minor, "available": balance_minor, "missing": missing},
        )


def move(amount_minor: int, source: UUID, destination: UUID) -> tuple[Posting, Posting]:
    """The postings that move an amount from one account to another."""
    return Posting(source, -amount_minor), Posting(destination, amount_minor)


async def record_transfers(tx: Connection, transfers: Sequence[Transfer]) -> None:
    """Move money; it has moved if `tx` commits.

    Whoever pays is locked (`lock_wallets`) and has been found to have it (`require_funds`). Raises InsufficientFunds
    should they have less nevertheless.
    """
    if not transfers:
        return
    await tx.execute(
        sql.create_transfers,
        [each.id for each in transfers],
        [each.kind for each in transfers],
        [each.actor_id for each in transfers],
        [each.asset_id for each in transfers],
        [each.corrects_id for each in transfers],
        [each.message for each in transfers],
        [each.reference for each in transfers],
    )
    lines = [
        (each.id, number, posting.account_id, each.currency, posting.amount_minor)
        for each in transfers
        for number, posting in enumerate(each.postings, start=1)
    ]
    try:
        await tx.execute(sql.create_postings, *zip(*lines, strict=True))
    except asyncpg.CheckViolationError as error:
        if error.constraint_name != "account_not_negative":
            raise
        raise InsufficientFunds("The wallet holds less than that; nothing has moved.") from None
