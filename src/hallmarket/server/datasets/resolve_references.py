"""Resolve the ids in reference columns to the assets that they refer to."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from hallmarket.server.catalog.get import list_assets
from hallmarket.server.catalog.types import WireAsset
from hallmarket.server.database.connections import Database
from hallmarket.server.http.parameters import FLAG_QUERY, UUID_PATTERN
from hallmarket.server.principal import Principal
from hallmarket.server.tables.types import Column

RESOLVE_QUERY = FLAG_QUERY | {"description": "Whether to include the assets that reference columns refer to."}


async def resolve_references(
    database: Database, principal: Principal, columns: Sequence[Column], rows: bytes
) -> dict[str, dict[str, Any]]:
    """Return the assets that `rows` (JSON) refer to, by column and id, without those that the principal may not see."""
    names = [column.name for column in columns if column.ref_kind == "asset"]
    if not names:
        return {}
    ids_by_column = {name: set[str]() for name in names}
    for row in msgspec.json.decode(rows, type=list[dict[str, Any]]):
        for name in names:
            if isinstance(value := row.get(name), str) and UUID_PATTERN.fullmatch(value):
                ids_by_column[name].add(value)
    ids = {UUID(value) for values in ids_by_column.values() for value in values}
    async with database.connection() as connection:
        assets = {asset.id: asset for asset in await list_assets(connection, principal, list(ids))}
    return {
        name: {value: _wire_reference(assets[UUID(value)]) for value in sorted(values) if UUID(value) in assets}
        for name, values in ids_by_column.items()
    }


def _wire_reference(asset: WireAsset) -> dict[str, Any]:
    return {
        "kind": "asset",
        "id": asset.id,
        "name": asset.name,
        "web_url": None,  # assets have no web page yet
        "asset_type": asset.asset_type,
        "status": asset.state,
        "route_id": None,
        "route_name": None,
        "created_at": asset.created_at,
    }
