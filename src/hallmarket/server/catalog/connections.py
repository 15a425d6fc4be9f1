"""Connections between assets: mentions, comments, references and components."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any, Literal, get_args
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.catalog.access import get_access
from hallmarket.server.catalog.types import LISTED, AssetRef, wire_ref
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.exchange_dialect import read_window, window_query
from hallmarket.server.paging import Page, Window, make_page
from hallmarket.server.principal import Principal

sql = load_queries(__package__)

ConnectionType = Literal["comment", "reference", "mention", "action", "component", "link", "completion"]
TYPES = get_args(ConnectionType)
DIRECTIONS = ("source", "target")
CONNECTIONS_QUERY: dict[str, dict[str, Any]] = {
    "type": {"type": "string", "examples": ["reference"], "description": "Only these types, separated by commas."},
    "direction": {
        "type": "string",
        "enum": DIRECTIONS,
        "description": "Only connections from this asset (`source`), or to it (`target`).",
    },
    **window_query(),
}


class ConnectionsRequest(msgspec.Struct, frozen=True):
    """The requested connections of an asset; None does not filter. `direction` is the asset's own end."""

    types: list[str] | None
    direction: str | None
    window: Window


class WireConnection(msgspec.Struct, frozen=True):
    """The reference's Connection, from `source` to `target`."""

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


def read_connections_request(query: dict[str, str]) -> ConnectionsRequest:
    """Read the parameters of a connections request. Raises InvalidRequest."""
    direction = query.get("direction")
    if direction not in (None, *DIRECTIONS):
        raise InvalidRequest("direction must be source or target.", "direction")
    types = [word.strip() for word in query["type"].split(",")] if query.get("type") else None
    if types and (unknown := [word for word in types if word not in TYPES]):
        raise InvalidRequest(f"{unknown[0][:40]!r} is not a connection type. The types are {', '.join(TYPES)}.", "type")
    return ConnectionsRequest(types, direction, read_window(query))


async def set_connections(
    tx: Connection, connection_type: ConnectionType, source_id: UUID, targets: Iterable[UUID], creator_id: UUID
) -> None:
    """Replace an asset's connections of one type. Targets that do not exist are skipped."""
    target_ids = list(dict.fromkeys(targets))
    await tx.execute(sql.disconnect, source_id, connection_type, target_ids)
    if target_ids:
        ids = [new_id() for _ in target_ids]
        await tx.execute(sql.connect, ids, connection_type, source_id, target_ids, creator_id)


async def list_connections(
    database: Database, principal: Principal, asset_id: UUID, request: ConnectionsRequest
) -> Page[WireConnection]:
    """Return an asset's connections, newest first, as far as the principal may know of both assets. Raises NotFound.

    A connection is part of its source's content, so it is shown only to readers of the source.
    """
    window = request.window
    async with database.connection() as connection:
        await get_access(connection, principal, asset_id, LISTED)
        rows = await connection.fetch(
            sql.list_connections,
            *(asset_id, *principal.viewer, request.types, request.direction, window.offset, window.limit + 1),
        )
        ends = {row[end] for row in rows for end in ("source_id", "target_id")}
        refs = {row["id"]: wire_ref(row) for row in await connection.fetch(sql.list_refs, list(ends))}
    return make_page(window, rows, lambda row: _wire_connection(row, refs))


def _wire_connection(row: asyncpg.Record, refs: dict[UUID, AssetRef]) -> WireConnection:
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
