"""What a wallet holds."""

from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.wallet.types import Currency

sql = load_queries(__package__)


class BitcoinBalance(msgspec.Struct, frozen=True):
    """The reference's balance in satoshis; nothing is ever held back."""

    balance: int
    available: int
    escrowed: int = 0


class UsdBalance(msgspec.Struct, frozen=True):
    """The reference's balance in cents: credits, which are for spending, and earnings, which may be paid out.

    Earnings are what came in by sales, tips and sends, less what was given back and paid out, as far as it is still
    there: credits are spent first. Payouts are made by the server's administrators.
    """

    balance_cents: int
    available_cents: int
    credits_cents: int
    earnings_cents: int
    withdrawable_cents: int
    last_updated: datetime | None
    pending_cents: int = 0
    escrowed_cents: int = 0
    currency: str = "usd"
    onboarded: bool = False
    transfers_enabled: bool = False
    payouts_enabled: bool = False
    payouts_available_soon: bool = False
    requirements: tuple[str, ...] = ()


async def get_bitcoin_balance(database: Database, person_id: UUID) -> BitcoinBalance:
    """What a person has in satoshis. Raises Unavailable."""
    row = await _find(database, person_id, "btc")
    balance = 0 if row is None else row["balance_minor"]
    return BitcoinBalance(balance, balance)


async def get_usd_balance(database: Database, person_id: UUID) -> UsdBalance:
    """What a person has in cents. Raises Unavailable."""
    row = await _find(database, person_id, "usd")
    if row is None:
        return UsdBalance(0, 0, 0, 0, 0, None)
    balance = row["balance_minor"]
    earnings = min(balance, max(row["earned_minor"], 0))
    return UsdBalance(balance, balance, balance - earnings, earnings, earnings, row["moved_on"])


async def _find(database: Database, person_id: UUID, currency: Currency) -> asyncpg.Record | None:
    """The account's row; None before money has moved for the first time."""
    async with database.connection() as connection:
        return await connection.fetchrow(sql.find_balance, person_id, currency)
