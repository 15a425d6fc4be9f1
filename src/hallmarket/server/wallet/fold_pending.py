"""Fold pending postings: add incoming amounts to the stored balances of their accounts."""

import asyncio

import structlog

from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Unavailable

sql = load_queries(__package__)

INTERVAL_S = 5.0
BUSY_POSTINGS = 200  # with this many pending postings, reading an account's balance becomes slow
log = structlog.get_logger()


async def fold_pending(database: Database, min_postings: int = 1) -> int:
    """Fold every account with at least `min_postings` pending postings, and return how many were folded.

    Each account is folded in a transaction of its own. An account whose owner is paying at this moment is skipped,
    because a payment folds it. Raises Unavailable.
    """
    async with database.connection() as connection:
        accounts = [row["account_id"] for row in await connection.fetch(sql.list_pending_accounts, min_postings)]
    folded = 0
    for account_id in accounts:
        async with database.transaction() as tx:
            if await tx.fetchval(sql.try_lock_account, account_id) is not None:
                await tx.execute(sql.fold_account, account_id)
                folded += 1
    return folded


async def fold_busy_accounts(database: Database) -> None:
    """Fold the accounts with many pending postings every few seconds, until cancelled."""
    while True:
        try:
            await fold_pending(database, BUSY_POSTINGS)
        except Unavailable:
            pass
        except Exception:
            log.exception("folding pending postings failed; it is retried in a few seconds")
        await asyncio.sleep(INTERVAL_S)
