"""What the values of reference columns refer to, as far as the caller may know of it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from hallmarket.server.catalog.get import list_assets
from hallmarket.server.catalog.types import WireAsset
from hallmarket.server.database.connections import Database
from hallmarket.server.http.exchange import FLAG_QUERY, UUID_TEXT
from hallmarket.server.principal import Principal
from hallmarket.server.tables.types import Column

RESOLVE_QUERY = FLAG_QUERY | {"description": "Whether to say what the values of reference columns refer to."}


async def resolve_references(
    database: Database, principal: Principal, columns: Sequence[Column], rows: bytes
) -> dict[str, dict[str, Any]]:
    """By reference column and id, what `rows` (JSON) refer to; ids that the caller may not know of are left out."""
    names = [column.name for column in columns if column.ref_kind == "asset"]
    if not names:
        return {}
    met = {name: set[str]() for name in names}
    for row in msgspec.json.decode(rows, type=list[dict[str, Any]]):
        for name in names:
            if isinstance(value := row.get(name), str) and UUID_TEXT.fullmatch(value):
                met[name].add(value)
    wanted = {UUID(value) for values in met.values() for value in values}
    async with database.connection() as connection:
        known = {asset.id: asset for asset in await list_assets(connection, principal, list(wanted))}
    return {
        name: {value: _describe(known[UUID(value)]) for value in sorted(values) if UUID(value) in known}
        for name, values in met.items()
    }


def _describe(asset: WireAsset) -> dict[str, Any]:
    return {
        "kind": "asset",
        "id": asset.id,
        "name": asset.name,
        "web_url": None,  # there is no page of it yet
        "asset_type": asset.asset_type,
        "status": asset.state,
        "route_id": None,
        "route_name": None,
        "created_at": asset.created_at,
    }
