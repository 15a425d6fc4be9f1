"""Count up what came into accounts: what is pending becomes part of the balance, which stays the same."""

import asyncio

import structlog

from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Unavailable

sql = load_queries(__package__)

EVERY_S = 5.0
MANY = 200  # pending postings; so many make a balance slow to read
log = structlog.get_logger()


async def fold(database: Database, at_least: int = 1) -> int:
    """Count up every account with at least so many pending postings, one a transaction; how many these were.

    An account that somebody pays from just now is passed over: paying counts it up. Raises Unavailable.
    """
    async with database.connection() as connection:
        accounts = [row["account_id"] for row in await connection.fetch(sql.list_pending_accounts, at_least)]
    folded = 0
    for account_id in accounts:
        async with database.transaction() as tx:
            if await tx.fetchval(sql.lock_account, account_id) is not None:
                await tx.execute(sql.fold, account_id)
                folded += 1
    return folded


async def keep_folding(database: Database) -> None:
    """Every few seconds count up the accounts with many pending postings; until it is cancelled."""
    while True:
        try:
            await fold(database, MANY)
        except Unavailable:
            pass
        except Exception:
            log.exception("counting up accounts failed; it is tried again in a moment")
        await asyncio.sleep(EVERY_S)
