"""Lineage of an asset: what it derives from, and what derives from it."""

from uuid import UUID

import msgspec

from hallmarket.server.catalog.access import get_access
from hallmarket.server.catalog.get import list_assets
from hallmarket.server.catalog.types import LISTED, WireAsset
from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.principal import Principal

sql = load_queries(__package__)

MAX_DERIVED = 200


class LineageNode(msgspec.Struct, frozen=True):
    """An asset's position in its family. `run` is always null: nothing here is created by a run."""

    id: UUID
    asset_type: str
    lineage_role: str
    source_id: UUID | None
    family_id: UUID | None
    run: None = None


class Lineage(msgspec.Struct, frozen=True):
    """The reference's AssetLineage: the asset's sources, nearest first, and the assets derived from it."""

    asset: LineageNode
    sources: list[WireAsset]
    derived: list[WireAsset]
    truncated: bool


async def get_lineage(database: Database, principal: Principal, asset_id: UUID) -> Lineage:
    """Return an asset's lineage, as far as the principal may know of it. Raises NotFound.

    For the first asset of a family, `derived` is the whole family; otherwise it is the assets derived directly.
    """
    async with database.connection() as connection:
        access = await get_access(connection, principal, asset_id, LISTED)
        fields = await connection.fetchrow(sql.find_fields, asset_id)
        assert fields is not None
        sources = await connection.fetch(sql.list_sources, asset_id)
        derived = await connection.fetch(sql.list_derived, asset_id, *principal.viewer, MAX_DERIVED + 1)
        return Lineage(
            LineageNode(
                asset_id,
                access.asset_type,
                fields["lineage_role"] or "new",
                fields["source_id"],
                fields["family_id"],
            ),
            await list_assets(connection, principal, [row["id"] for row in sources]),
            await list_assets(connection, principal, [row["id"] for row in derived[:MAX_DERIVED]]),
            len(derived) > MAX_DERIVED,
        )
