"""Lock the wallets of people who pay, and read their balances."""

from collections.abc import Iterable
from uuid import UUID

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.wallet.accounts import create_accounts
from hallmarket.server.wallet.types import CURRENCIES, Account, Wallets

sql = load_queries(__package__)


async def lock_wallets(tx: Connection, people: Iterable[UUID]) -> Wallets:
    """Lock the accounts of everyone who pays in this transaction, and return what they hold.

    Call this once per transaction: the accounts are locked in order of their ids, so two transactions cannot deadlock.
    Until the transaction ends, no other one can take money from these accounts, but they can still receive it.
    """
    payers = set(people)
    locked = await tx.fetch(sql.lock_accounts, payers)
    if len(locked) < len(payers) * len(CURRENCIES):
        await create_accounts(tx, payers)
        locked = await tx.fetch(sql.lock_accounts, payers)
    rows = await tx.fetch(sql.find_balances, [row["id"] for row in locked])
    return {(row["person_id"], row["currency"]): Account(row["currency"], row["balance_minor"]) for row in rows}
