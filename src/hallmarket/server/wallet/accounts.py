"""Find people's accounts. A person's accounts are created when they first pay or receive money."""

from collections.abc import Iterable
from uuid import UUID

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.wallet.types import CURRENCIES, Currency

sql = load_queries(__package__)


async def get_accounts(tx: Connection, people: Iterable[UUID]) -> dict[tuple[UUID, Currency], UUID]:
    """Return the ids of people's accounts, by person and currency. Missing accounts are created."""
    holders = sorted(set(people))
    rows = await tx.fetch(sql.find_accounts, holders)
    if len(rows) < len(holders) * len(CURRENCIES):
        await create_accounts(tx, holders)
        rows = await tx.fetch(sql.find_accounts, holders)
    return {(row["person_id"], row["currency"]): row["id"] for row in rows}


async def create_accounts(tx: Connection, people: Iterable[UUID]) -> None:
    """Create the accounts that people do not have yet."""
    pairs = [(person_id, currency) for person_id in people for currency in CURRENCIES]
    await tx.execute(sql.create_missing_accounts, [new_id() for _ in pairs], *zip(*pairs, strict=True))
