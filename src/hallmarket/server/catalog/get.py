"""Get assets as the wire shows them."""

from collections.abc import Sequence
from uuid import UUID

from hallmarket.server.catalog.access import get_access, sql, viewer
from hallmarket.server.catalog.types import LISTED, WireAsset, wire_asset
from hallmarket.server.database.pool import Connection
from hallmarket.server.errors import NotFound
from hallmarket.server.identity.types import Caller

MOST_CHILDREN = 1000


async def get_asset(connection: Connection, caller: Caller, asset_id: UUID, asset_type: str | None = None) -> WireAsset:
    """An asset that the caller may at least see listed. Raises NotFound."""
    found = await list_assets(connection, caller, [asset_id])
    if not found or asset_type not in (None, found[0].asset_type):
        raise NotFound(f"There is no such {asset_type or 'asset'}.")
    return found[0]


async def list_assets(connection: Connection, caller: Caller, ids: Sequence[UUID]) -> list[WireAsset]:
    """The given assets in the given order, without those that the caller may not know of."""
    return [wire_asset(row) for row in await connection.fetch(sql.list_assets, ids, *viewer(caller))]


async def get_type(connection: Connection, caller: Caller, asset_id: UUID) -> str:
    """An asset's type. Raises NotFound."""
    return (await get_access(connection, caller, asset_id, LISTED)).asset_type


async def list_children(connection: Connection, caller: Caller, asset_id: UUID) -> list[WireAsset]:
    """What stands in an asset, oldest first; comments are not children. Raises NotFound."""
    await get_access(connection, caller, asset_id, LISTED)
    rows = await connection.fetch(sql.list_children, asset_id, *viewer(caller), MOST_CHILDREN)
    return await list_assets(connection, caller, [row["id"] for row in rows])
