"""Get a wallet's balance."""

from datetime import datetime

import asyncpg
import msgspec

from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.principal import Principal
from hallmarket.server.wallet.types import Currency

sql = load_queries(__package__)


class BitcoinBalance(msgspec.Struct, frozen=True):
    """The reference's balance in satoshis. Nothing is ever held in escrow."""

    balance: int
    available: int
    escrowed: int = 0


class UsdBalance(msgspec.Struct, frozen=True):
    """The reference's balance in cents: credits, which can only be spent, and earnings, which can be paid out.

    Earnings are the income from sales, tips and sends, less refunds and payouts, as far as it is still in the wallet:
    credits are spent first. The server's operator makes the payouts.
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


async def get_bitcoin_balance(database: Database, principal: Principal) -> BitcoinBalance:
    """Get the principal's balance in satoshis. Raises Unavailable."""
    row = await _find_balance(database, principal, "btc")
    balance = 0 if row is None else row["balance_minor"]
    return BitcoinBalance(balance, balance)


async def get_usd_balance(database: Database, principal: Principal) -> UsdBalance:
    """Get the principal's balance in cents. Raises Unavailable."""
    row = await _find_balance(database, principal, "usd")
    if row is None:
        return UsdBalance(0, 0, 0, 0, 0, None)
    balance = row["balance_minor"]
    earnings = min(balance, max(row["earned_minor"], 0))
    return UsdBalance(balance, balance, balance - earnings, earnings, earnings, row["updated_on"])


async def _find_balance(database: Database, principal: Principal, currency: Currency) -> asyncpg.Record | None:
    """Return the account's row, or None if the person has not paid or received money yet."""
    async with database.connection() as connection:
        return await connection.fetchrow(sql.find_balance, principal.person_id, currency)
