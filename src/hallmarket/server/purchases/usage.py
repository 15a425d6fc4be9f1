"""What was bought and sold for dollars, record by record, in the words in which the official client asks for uses."""

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.catalog.types import AssetType
from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.exchange import ID_QUERY, Pagination, Window, page_of, read_id
from hallmarket.server.principal import Principal

sql = load_queries(__package__)

ROLES = ("consumer", "creator")
USAGE_QUERY: dict[str, dict[str, Any]] = {
    "assetId": ID_QUERY | {"description": "Of this asset only."},
    "role": {
        "type": "string",
        "enum": list(ROLES),
        "description": "What you bought, or what you sold; without it both.",
    },
}


class UsedAsset(msgspec.Struct, frozen=True):
    """The asset as it was called when it was bought."""

    id: UUID
    name: str | None
    asset_type: AssetType


class UsageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One purchase, by `user_id` from `creator_id`; `id` is the licence's, `total_cents` what was not given back."""

    id: UUID
    user_id: UUID
    creator_id: UUID
    asset_id: UUID
    asset: UsedAsset
    quantity: Literal[1] = 1
    cost_unit: Literal["purchase"] = "purchase"
    unit_cost_cents: int
    total_cents: int
    status: Literal["completed", "partially_refunded", "refunded"]
    ledger_transaction_id: UUID
    metadata: dict[str, int]
    created_at: datetime


class UsageSummary(msgspec.Struct, frozen=True):
    """Of all that match, on whatever page."""

    record_count: int
    total_cents: int


class Usage(msgspec.Struct, frozen=True):
    """One page of records, newest first."""

    records: list[UsageRecord]
    summary: UsageSummary


class UsagePage(msgspec.Struct, frozen=True):
    """The answer to `GET /stripe/usage/history`."""

    data: Usage
    pagination: Pagination
    error: None = None


class Wanted(msgspec.Struct, frozen=True):
    """Whose records: those of what one bought, of what one sold, of one asset only."""

    bought: bool
    sold: bool
    asset_id: UUID | None


def read_wanted(query: dict[str, str]) -> Wanted:
    """`role` and `assetId` of a query. Raises InvalidRequest for another role, or no UUID."""
    role = query.get("role")
    if role is not None and role not in ROLES:
        raise InvalidRequest("role must be consumer or creator.", "role")
    asset_id = query.get("assetId")
    return Wanted(role != "creator", role != "consumer", None if asset_id is None else read_id(asset_id, "assetId"))


async def list_usage(database: Database, principal: Principal, wanted: Wanted, window: Window) -> UsagePage:
    """What somebody bought and sold for dollars, with the sum of it. Raises Unavailable."""
    whose = (principal.person_id, wanted.bought, wanted.sold, wanted.asset_id)
    async with database.connection() as connection:
        rows = await connection.fetch(sql.list_usage, *whose, window.offset, window.limit + 1)
        # Read after the page, which it therefore counts: sales are added, and never go.
        totals = await connection.fetchrow(sql.sum_usage, *whose)
    assert totals is not None
    page = page_of(window, rows, _record, totals["record_count"])
    summary = UsageSummary(totals["record_count"], totals["total_minor"])
    return UsagePage(Usage(page.data, summary), page.pagination)


def _record(row: asyncpg.Record) -> UsageRecord:
    price, refunded = row["price_minor"], row["refunded_minor"]
    return UsageRecord(
        id=row["id"],
        user_id=row["buyer_id"],
        creator_id=row["seller_id"],
        asset_id=row["asset_id"],
        asset=UsedAsset(row["asset_id"], row["asset_name"], row["asset_type"]),
        unit_cost_cents=price,
        total_cents=price - refunded,
        status="completed" if not refunded else "refunded" if refunded == price else "partially_refunded",
        ledger_transaction_id=row["transfer_id"],
        metadata={"platform_fee_cents": row["fee_minor"], "refunded_cents": refunded},
        created_at=row["created_on"],
    )
