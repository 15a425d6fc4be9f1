"""Get assets as the wire shows them."""

from collections.abc import Sequence
from uuid import UUID

from hallmarket.server.catalog.access import get_access, sql
from hallmarket.server.catalog.types import LISTED, WireAsset, wire_asset
from hallmarket.server.database.connections import Connection
from hallmarket.server.errors import NotFound
from hallmarket.server.principal import Principal

MAX_CHILDREN = 1000


async def get_asset(
    connection: Connection, principal: Principal, asset_id: UUID, asset_type: str | None = None
) -> WireAsset:
    """An asset that the caller may at least see listed, with the text of its licence. Raises NotFound."""
    found = await list_assets(connection, principal, [asset_id], with_text=True)
    if not found or asset_type not in (None, found[0].asset_type):
        raise NotFound(f"There is no such {asset_type or 'asset'}.")
    return found[0]


async def list_assets(
    connection: Connection, principal: Principal, ids: Sequence[UUID], *, with_text: bool = False
) -> list[WireAsset]:
    """The given assets in the given order, without those that the caller may not know of.

    The text of their licences, which is long, comes `with_text` only.
    """
    rows = await connection.fetch(sql.list_assets, ids, *principal.viewer, with_text)
    return [wire_asset(row, with_text=with_text) for row in rows]


async def get_type(connection: Connection, principal: Principal, asset_id: UUID) -> str:
    """An asset's type. Raises NotFound."""
    return (await get_access(connection, principal, asset_id, LISTED)).asset_type


async def list_children(connection: Connection, principal: Principal, asset_id: UUID) -> list[WireAsset]:
    """What stands in an asset, oldest first; comments are not children. Raises NotFound."""
    await get_access(connection, principal, asset_id, LISTED)
    rows = await connection.fetch(sql.list_children, asset_id, *principal.viewer, MAX_CHILDREN)
    return await list_assets(connection, principal, [row["id"] for row in rows])
