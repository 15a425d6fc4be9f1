"""Get a seller's earnings in dollars. Sellers are paid immediately, so no amount is ever pending."""

from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.catalog.types import AssetType
from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.principal import Principal

sql = load_queries(__package__)

MAX_ASSETS = 200


class AssetEarnings(msgspec.Struct, frozen=True, kw_only=True):
    """The earnings of one asset: before the platform's fee (gross) and after it."""

    asset_id: UUID
    name: str | None
    asset_type: AssetType
    sales: int
    gross_cents: int
    earned_cents: int
    pending_cents: int = 0


class Earnings(msgspec.Struct, frozen=True, kw_only=True):
    """The earnings of all assets, less refunds. `assets` lists those with the highest earnings."""

    total_pending_cents: int = 0
    in_progress_cents: int = 0
    total_paid_out_cents: int
    total_gross_earnings_cents: int
    platform_fee_percent: float
    assets: list[AssetEarnings]


async def get_earnings(database: Database, principal: Principal, fee_bps: int) -> Earnings:
    """Get the principal's earnings from sales in dollars. Raises Unavailable."""
    async with database.connection() as connection:
        rows = await connection.fetch(sql.list_earnings, principal.person_id, MAX_ASSETS)
    return Earnings(
        total_paid_out_cents=rows[0]["all_earned_minor"] if rows else 0,
        total_gross_earnings_cents=rows[0]["all_gross_minor"] if rows else 0,
        platform_fee_percent=fee_bps / 100,
        assets=[_asset_earnings(row) for row in rows],
    )


def _asset_earnings(row: asyncpg.Record) -> AssetEarnings:
    return AssetEarnings(
        asset_id=row["asset_id"],
        name=row["name"],
        asset_type=row["asset_type"],
        sales=row["sales"],
        gross_cents=row["gross_minor"],
        earned_cents=row["earned_minor"],
    )
