"""Move money: record balanced transfers in the caller's transaction."""

from collections.abc import Sequence
from uuid import UUID

import asyncpg

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InsufficientFunds
from hallmarket.server.wallet.accounts import get_accounts
from hallmarket.server.wallet.types import PLATFORM_ACCOUNTS, Posting, Transfer

sql = load_queries(__package__)


def move(amount_minor: int, payer_id: UUID, payee_id: UUID) -> tuple[Posting, Posting]:
    """Return the postings that move an amount from one holder to another."""
    return Posting(payer_id, -amount_minor), Posting(payee_id, amount_minor)


async def record_transfers(tx: Connection, transfers: Sequence[Transfer]) -> None:
    """Record transfers. The money has moved when `tx` commits.

    First lock the payers with `lock_wallets`, and check their balances with `Account.withdraw`. Raises
    InsufficientFunds if the database finds that an account would fall below zero.
    """
    if not transfers:
        return
    holders = {posting.holder_id for transfer in transfers for posting in transfer.postings}
    accounts = await get_accounts(tx, holders - PLATFORM_ACCOUNTS)
    await tx.execute(
        sql.create_transfers,
        [transfer.id for transfer in transfers],
        [transfer.kind for transfer in transfers],
        [transfer.actor_id for transfer in transfers],
        [transfer.asset_id for transfer in transfers],
        [transfer.corrects_id for transfer in transfers],
        [transfer.message for transfer in transfers],
        [transfer.reference for transfer in transfers],
    )
    rows = [
        (
            transfer.id,
            line,
            accounts.get((posting.holder_id, transfer.currency), posting.holder_id),
            transfer.currency,
            posting.amount_minor,
        )
        for transfer in transfers
        for line, posting in enumerate(transfer.postings, start=1)
    ]
    try:
        await tx.execute(sql.create_postings, *zip(*rows, strict=True))
    except asyncpg.CheckViolationError as error:
        if error.constraint_name != "account_not_negative":
            raise
        raise InsufficientFunds("The wallet does not hold this amount. No money was moved.") from None
