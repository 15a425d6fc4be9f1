"""List a wallet's transactions: what its owner received and paid."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.exchange_dialect import MAX_PAGE_SIZE, read_window, window_query
from hallmarket.server.http.parameters import read_time
from hallmarket.server.paging import Page, Window, make_page
from hallmarket.server.principal import Principal
from hallmarket.server.wallet.types import Currency

sql = load_queries(__package__)

Transaction = TypeVar("Transaction")
KINDS = ("purchase", "sale", "tip", "send", "refund", "credit", "deposit", "payout", "correction")
EXTERNAL_KINDS = ("deposit", "payout")  # the other side is not on this server
TIME_QUERY = {
    "since": {"type": "string", "description": "Start, inclusive: an ISO 8601 date or time."},
    "until": {"type": "string", "description": "End, exclusive."},
}
FILTER_QUERY = TIME_QUERY | {"type": {"type": "string", "enum": list(KINDS), "description": "Only this type."}}
MAX_UNPAGED = 10_000  # the official client requests all bitcoin transactions in one page
BITCOIN_LIMIT = {
    "type": "integer",
    "minimum": 1,
    "maximum": MAX_PAGE_SIZE,
    "description": f"Maximum number of items. Without it, up to {MAX_UNPAGED:,}.",
}
BITCOIN_QUERY = window_query() | {"limit": BITCOIN_LIMIT} | FILTER_QUERY
USD_QUERY = window_query() | FILTER_QUERY


class TransactionFilter(msgspec.Struct, frozen=True):
    """Which transactions to list; None means all. `since` is inclusive, `until` exclusive."""

    kind: str | None = None
    since: datetime | None = None
    until: datetime | None = None


class BitcoinTransaction(msgspec.Struct, frozen=True):
    """The reference's BitcoinTransaction. `value` is in satoshis, and negative for a payment."""

    id: UUID
    type: str
    value: int
    status: str
    user_id: UUID
    wallet_id: UUID
    asset_id: UUID | None
    action_id: None
    is_external: bool
    metadata: dict[str, Any]
    created_at: datetime


class UsdTransaction(msgspec.Struct, frozen=True):
    """The reference's UsdTransaction. `amount_cents` is negative for a payment."""

    id: UUID
    type: str
    amount_cents: int
    currency: str
    status: str
    user_id: UUID
    recipient_user_id: UUID | None
    asset_id: UUID | None
    metadata: dict[str, Any]
    created_at: datetime
    updated_at: datetime


def read_filter(query: dict[str, str]) -> TransactionFilter:
    """Read `type`, `since` and `until` of a query. Raises InvalidRequest."""
    kind = query.get("type")
    if kind is not None and kind not in KINDS:
        raise InvalidRequest(f"type must be one of {', '.join(KINDS)}.", "type")
    return TransactionFilter(kind, read_time(query, "since"), read_time(query, "until"))


def read_bitcoin_window(query: dict[str, str]) -> Window:
    """Read `offset` and `limit` of a query; the default limit is MAX_UNPAGED. Raises InvalidRequest."""
    window = read_window(query)
    return window if "limit" in query else Window(window.offset, MAX_UNPAGED)


async def list_bitcoin_transactions(
    database: Database, principal: Principal, chosen: TransactionFilter, window: Window
) -> Page[BitcoinTransaction]:
    """List the principal's bitcoin transactions, newest first. Raises Unavailable."""
    person_id = principal.person_id

    def read(row: asyncpg.Record) -> BitcoinTransaction:
        return BitcoinTransaction(
            id=row["id"],
            type=row["kind"],
            value=row["amount_minor"],
            status="completed",
            user_id=person_id,
            wallet_id=row["account_id"],
            asset_id=row["asset_id"],
            action_id=None,
            is_external=row["kind"] in EXTERNAL_KINDS,
            metadata=_metadata(row),
            created_at=row["created_on"],
        )

    return await _list(database, person_id, "btc", chosen, window, read)


async def list_usd_transactions(
    database: Database, principal: Principal, chosen: TransactionFilter, window: Window
) -> Page[UsdTransaction]:
    """List the principal's dollar transactions, newest first. Raises Unavailable."""
    person_id = principal.person_id

    def read(row: asyncpg.Record) -> UsdTransaction:
        return UsdTransaction(
            id=row["id"],
            type=row["kind"],
            amount_cents=row["amount_minor"],
            currency="usd",
            status="completed",
            user_id=person_id,
            recipient_user_id=person_id if row["amount_minor"] > 0 else row["other_id"],
            asset_id=row["asset_id"],
            metadata=_metadata(row),
            created_at=row["created_on"],
            updated_at=row["created_on"],
        )

    return await _list(database, person_id, "usd", chosen, window, read)


async def _list(
    database: Database,
    person_id: UUID,
    currency: Currency,
    chosen: TransactionFilter,
    window: Window,
    read: Callable[[asyncpg.Record], Transaction],
) -> Page[Transaction]:
    filters = chosen.kind, chosen.since, chosen.until
    async with database.connection() as connection:
        rows = await connection.fetch(
            sql.list_transactions, person_id, currency, *filters, window.offset, window.limit + 1
        )
    return make_page(window, rows, read)


def _metadata(row: asyncpg.Record) -> dict[str, Any]:
    """Return the optional fields of a transaction, without those that are None."""
    fields = {
        "message": row["message"],
        "asset_name": row["asset_name"],
        "fee": row["fee_minor"],
        "balance_after": row["balance_after_minor"],
        "corrects": row["corrects_id"],
    }
    if row["other_id"] is not None:
        fields["counterparty"] = {"user_id": row["other_id"], "username": row["username"]}
    return {name: value for name, value in fields.items() if value is not None}
