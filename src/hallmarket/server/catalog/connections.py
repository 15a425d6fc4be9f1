"""What an asset has to do with others: connections from it and to it, and where it comes from."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.catalog.access import get_access, sql
from hallmarket.server.catalog.get import list_assets
from hallmarket.server.catalog.types import LISTED, AssetRef, WireAsset, wire_ref
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.ids import new_id
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.exchange import Paged, Window, page_of, window_query
from hallmarket.server.principal import Principal

ConnectionType = Literal["comment", "reference", "mention", "action", "component", "link", "completion"]
TYPES = get_args(ConnectionType)
MAX_DERIVED = 200
CONNECTIONS_QUERY: dict[str, dict[str, Any]] = {
    "type": {"type": "string", "examples": ["reference"], "description": "Only of these types, separated by commas."},
    "direction": {
        "type": "string",
        "enum": ("source", "target"),
        "description": "Only those this asset makes (`source`), or those made to it (`target`).",
    },
    **window_query(),
}


class WireConnection(msgspec.Struct, frozen=True):
    """The reference's Connection: `source` has to do with `target`."""

    id: UUID
    type: str
    source_id: UUID
    target_id: UUID
    source_asset_type: str
    target_asset_type: str
    source: AssetRef
    target: AssetRef
    user_id: UUID | None
    created_at: datetime
    action_id: UUID | None = None


class LineageNode(msgspec.Struct, frozen=True):
    """Where an asset stands in its family; nothing here is made by a run."""

    id: UUID
    asset_type: str
    lineage_role: str
    source_id: UUID | None
    family_id: UUID | None
    run: None = None


class Lineage(msgspec.Struct, frozen=True):
    """The reference's AssetLineage: what an asset comes from, the nearest first, and what comes from it."""

    asset: LineageNode
    sources: list[WireAsset]
    derived: list[WireAsset]
    truncated: bool


async def set_connections(
    tx: Connection, kind: ConnectionType, source_id: UUID, targets: Iterable[UUID], creator_id: UUID
) -> None:
    """Make these the connections of a kind from an asset; ones to assets that are not there are left out."""
    wanted = list(dict.fromkeys(targets))
    await tx.execute(sql.disconnect, source_id, kind, wanted)
    if wanted:
        await tx.execute(sql.connect, [new_id() for _ in wanted], kind, source_id, wanted, creator_id)


async def list_connections(
    database: Database, principal: Principal, asset_id: UUID, query: dict[str, str], window: Window
) -> Paged[WireConnection]:
    """An asset's connections with assets the caller may know of, newest first, made by what they may read.

    Raises NotFound, InvalidRequest.
    """
    direction = query.get("direction")
    if direction not in (None, "source", "target"):
        raise InvalidRequest("direction must be source or target.", "direction")
    types = [word.strip() for word in query["type"].split(",")] if query.get("type") else None
    if types and (unknown := [word for word in types if word not in TYPES]):
        raise InvalidRequest(f"{unknown[0][:40]!r} is no type of connections: {', '.join(TYPES)}.", "type")
    async with database.connection() as connection:
        await get_access(connection, principal, asset_id, LISTED)
        asked = (asset_id, *principal.viewer, types, direction, window.offset, window.limit + 1)
        rows = await connection.fetch(sql.list_connections, *asked)
        ends = {row[end] for row in rows for end in ("source_id", "target_id")}
        refs = {row["id"]: wire_ref(row) for row in await connection.fetch(sql.list_refs, list(ends))}
    return page_of(window, rows, lambda row: _wire(row, refs))


async def get_lineage(database: Database, principal: Principal, asset_id: UUID) -> Lineage:
    """Where an asset comes from and what comes from it, as far as the caller may know. Raises NotFound.

    Of the first of a family that is the whole family, of others what was made of them directly.
    """
    async with database.connection() as connection:
        await get_access(connection, principal, asset_id, LISTED)
        node = await connection.fetchrow(sql.find_fields, asset_id)
        kind = await connection.fetchval(sql.find_type, asset_id)
        assert node is not None
        sources = await connection.fetch(sql.list_sources, asset_id)
        derived = await connection.fetch(sql.list_derived, asset_id, *principal.viewer, MAX_DERIVED + 1)
        return Lineage(
            LineageNode(asset_id, kind, node["lineage_role"] or "new", node["source_id"], node["family_id"]),
            await list_assets(connection, principal, [row["id"] for row in sources]),
            await list_assets(connection, principal, [row["id"] for row in derived[:MAX_DERIVED]]),
            len(derived) > MAX_DERIVED,
        )


def _wire(row: asyncpg.Record, refs: dict[UUID, AssetRef]) -> WireConnection:
    source, target = refs[row["source_id"]], refs[row["target_id"]]
    return WireConnection(
        id=row["id"],
        type=row["type"],
        source_id=source.id,
        target_id=target.id,
        source_asset_type=source.asset_type,
        target_asset_type=target.asset_type,
        source=source,
        target=target,
        user_id=row["creator_id"],
        created_at=row["created_on"],
    )
