"""What moved in a wallet, as its owner saw it: below zero what went out, above what came in."""

from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.exchange import MAX_ITEMS, Paged, Window, page_of, read_window, window_query
from hallmarket.server.http.paging import read_time
from hallmarket.server.wallet.types import Currency

sql = load_queries(__package__)

KINDS = ("purchase", "sale", "tip", "send", "refund", "credit", "deposit", "payout", "correction")
OUTSIDE = ("deposit", "payout")  # the other end is outside of this server
TIME_QUERY = {
    "since": {"type": "string", "description": "From then on: an ISO 8601 date or time."},
    "until": {"type": "string", "description": "Before then."},
}
FILTER_QUERY = TIME_QUERY | {"type": {"type": "string", "enum": list(KINDS), "description": "Only these."}}
MAX_UNPAGED = 10_000  # the official client asks for all that moved in bitcoin at once
ALL = {
    "type": "integer",
    "minimum": 1,
    "maximum": MAX_ITEMS,
    "description": f"A page of so many; else {MAX_UNPAGED:,}.",
}
BITCOIN_QUERY = window_query() | {"limit": ALL} | FILTER_QUERY
USD_QUERY = window_query() | FILTER_QUERY


class BitcoinMove(msgspec.Struct, frozen=True):
    """The reference's BitcoinTransaction; `value` is in satoshis."""

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


class UsdMove(msgspec.Struct, frozen=True):
    """The reference's UsdTransaction."""

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


async def list_bitcoin_moves(database: Database, person_id: UUID, query: dict[str, str]) -> Paged[BitcoinMove]:
    """What moved in satoshis, newest first; all unless a page is asked for. Raises InvalidRequest, Unavailable."""
    window = read_window(query)
    if "limit" not in query:
        window = Window(window.offset, MAX_UNPAGED)
    rows = await _list(database, person_id, "btc", query, window)

    def show(row: asyncpg.Record) -> BitcoinMove:
        return BitcoinMove(
            id=row["id"],
            type=row["kind"],
            value=row["amount_minor"],
            status="completed",
            user_id=person_id,
            wallet_id=row["account_id"],
            asset_id=row["asset_id"],
            action_id=None,
            is_external=row["kind"] in OUTSIDE,
            metadata=_metadata(row),
            created_at=row["created_on"],
        )

    return page_of(window, rows, show)


async def list_usd_moves(database: Database, person_id: UUID, query: dict[str, str]) -> Paged[UsdMove]:
    """What moved in cents, newest first. Raises InvalidRequest, Unavailable."""
    window = read_window(query)
    rows = await _list(database, person_id, "usd", query, window)

    def show(row: asyncpg.Record) -> UsdMove:
        return UsdMove(
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

    return page_of(window, rows, show)


async def _list(
    database: Database, person_id: UUID, currency: Currency, query: dict[str, str], window: Window
) -> list[asyncpg.Record]:
    """One row more than the window, if there is one."""
    kind = query.get("type")
    if kind is not None and kind not in KINDS:
        raise InvalidRequest(f"type must be one of {', '.join(KINDS)}.", "type")
    times = read_time(query, "since"), read_time(query, "until")
    wanted = (person_id, currency, kind, *times, window.offset, window.limit + 1)
    async with database.connection() as connection:
        return list(await connection.fetch(sql.list_postings, *wanted))


def _metadata(row: asyncpg.Record) -> dict[str, Any]:
    """What else is known of a movement; what is not known is not there."""
    known = {
        "message": row["message"],
        "asset_name": row["asset_name"],
        "fee": row["fee_minor"],
        "balance_after": row["balance_after_minor"],
        "corrects": row["corrects_id"],
    }
    if row["other_id"] is not None:
        known["counterparty"] = {"user_id": row["other_id"], "username": row["username"]}
    return {name: value for name, value in known.items() if value is not None}
