"""List purchases and sales in dollars as usage records, in the form that the official client requests them."""

from datetime import datetime
from typing import Any, Literal, NamedTuple
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.catalog.types import AssetType
from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.exchange_dialect import Pagination
from hallmarket.server.http.parameters import ID_QUERY, read_id
from hallmarket.server.paging import Page, Window, make_page
from hallmarket.server.principal import Principal

sql = load_queries(__package__)

ROLES = ("consumer", "creator")
USAGE_QUERY: dict[str, dict[str, Any]] = {
    "assetId": ID_QUERY | {"description": "Only records of this asset."},
    "role": {
        "type": "string",
        "enum": list(ROLES),
        "description": "Only what you bought (`consumer`), or only what you sold (`creator`).",
    },
}


class UsedAsset(msgspec.Struct, frozen=True):
    """An asset with the name that it had when it was bought."""

    id: UUID
    name: str | None
    asset_type: AssetType


class UsageRecord(msgspec.Struct, frozen=True, kw_only=True):
    """One purchase by `user_id` from `creator_id`. `id` is the licence's; `total_cents` is the price less refunds."""

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
    """The number and sum of all matching records, on all pages."""

    record_count: int
    total_cents: int


class Usage(msgspec.Struct, frozen=True):
    """One page of records, newest first."""

    records: list[UsageRecord]
    summary: UsageSummary


class UsagePage(msgspec.Struct, frozen=True):
    """The response to `GET /stripe/usage/history`."""

    data: Usage
    pagination: Pagination
    error: None = None


class UsageFilter(msgspec.Struct, frozen=True):
    """Which records to list: purchases, sales or both, and of one asset or of all."""

    bought: bool = True
    sold: bool = True
    asset_id: UUID | None = None


class UsageHistory(NamedTuple):
    """One page of records, and the summary of all."""

    page: Page[UsageRecord]
    summary: UsageSummary


def read_filter(query: dict[str, str]) -> UsageFilter:
    """Read `role` and `assetId` of a query. Raises InvalidRequest."""
    role = query.get("role")
    if role is not None and role not in ROLES:
        raise InvalidRequest("role must be consumer or creator.", "role")
    asset_id = query.get("assetId")
    return UsageFilter(
        role != "creator", role != "consumer", None if asset_id is None else read_id(asset_id, "assetId")
    )


async def list_usage(database: Database, principal: Principal, chosen: UsageFilter, window: Window) -> UsageHistory:
    """List the principal's purchases and sales in dollars, newest first. Raises Unavailable."""
    filters = principal.person_id, chosen.bought, chosen.sold, chosen.asset_id
    async with database.connection() as connection:
        rows = await connection.fetch(sql.list_usage, *filters, window.offset, window.limit + 1)
        # The summary is read after the page, and licences are never deleted, so it includes every record of the page.
        totals = await connection.fetchrow(sql.sum_usage, *filters)
    assert totals is not None
    page = make_page(window, rows, _usage_record, totals["record_count"])
    return UsageHistory(page, UsageSummary(totals["record_count"], totals["total_minor"]))


def _usage_record(row: asyncpg.Record) -> UsageRecord:
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
