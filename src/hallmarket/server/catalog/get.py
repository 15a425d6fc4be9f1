"""Get assets as the API shows them."""

from collections.abc import Sequence
from uuid import UUID

from hallmarket.server.catalog.access import get_access
from hallmarket.server.catalog.types import LISTED, WireAsset, wire_asset
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import NotFound
from hallmarket.server.principal import Principal

sql = load_queries(__package__)

MAX_CHILDREN = 1000


async def get_asset(
    connection: Connection, principal: Principal, asset_id: UUID, asset_type: str | None = None
) -> WireAsset:
    """Return an asset with the text of its licence. Raises NotFound unless the principal may see its listing."""
    found = await list_assets(connection, principal, [asset_id], with_licence_text=True)
    if not found or asset_type not in (None, found[0].asset_type):
        raise NotFound(f"There is no such {asset_type or 'asset'}.")
    return found[0]


async def list_assets(
    connection: Connection, principal: Principal, ids: Sequence[UUID], *, with_licence_text: bool = False
) -> list[WireAsset]:
    """Return the assets in the order of `ids`, without those that the principal may not know of."""
    rows = await connection.fetch(sql.list_assets, ids, *principal.viewer, with_licence_text)
    return [wire_asset(row, with_licence_text=with_licence_text) for row in rows]


async def get_type(connection: Connection, principal: Principal, asset_id: UUID) -> str:
    """Return an asset's type. Raises NotFound."""
    return (await get_access(connection, principal, asset_id, LISTED)).asset_type


async def list_children(connection: Connection, principal: Principal, asset_id: UUID) -> list[WireAsset]:
    """Return the children of an asset, oldest first, without comments. Raises NotFound."""
    await get_access(connection, principal, asset_id, LISTED)
    rows = await connection.fetch(sql.list_children, asset_id, *principal.viewer, MAX_CHILDREN)
    return await list_assets(connection, principal, [row["id"] for row in rows])
