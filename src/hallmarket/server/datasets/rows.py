"""List the rows of a dataset version in stored order, page by page."""

import asyncio
import re
from typing import Any
from uuid import UUID

import msgspec

from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.resolve_references import RESOLVE_QUERY, resolve_references
from hallmarket.server.datasets.types import RowsPage
from hallmarket.server.datasets.version_number import VERSION_QUERY, read_version_number
from hallmarket.server.datasets.versions import get_version
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.exchange_dialect import MAX_OFFSET
from hallmarket.server.http.parameters import read_flag, read_number
from hallmarket.server.principal import Principal
from hallmarket.server.query_engine.engine import QueryEngine
from hallmarket.server.query_engine.types import Query
from hallmarket.server.tables.store import TableStore
from hallmarket.server.tables.types import Snapshot

MAX_ROWS = 10_000
DEFAULT_ROWS = 100
CURSOR = re.compile(r"v([1-9][0-9]{0,8})\.([0-9]{1,10})")  # version and offset
ROWS_QUERY: dict[str, dict[str, Any]] = {
    "limit": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_ROWS,
        "default": DEFAULT_ROWS,
        "description": "The number of rows to return.",
    },
    "offset": {"type": "integer", "minimum": 0, "default": 0, "description": "The number of rows to skip."},
    "cursor": {
        "type": "string",
        "description": "The `nextCursor` of the page before, instead of `offset` and `version`.",
        "examples": ["v1.100"],
    },
    "version": VERSION_QUERY,
    "resolve_refs": RESOLVE_QUERY,
}


class RowsRequest(msgspec.Struct, frozen=True):
    """The requested rows, in a version or, if that is None, in the newest."""

    version: int | None
    offset: int
    limit: int
    resolve_refs: bool


def read_rows_request(query: dict[str, str]) -> RowsRequest:
    """Read the parameters of a request for rows. Raises InvalidRequest."""
    limit = read_number(query, "limit", DEFAULT_ROWS, 1, MAX_ROWS)
    offset = read_number(query, "offset", 0, 0, MAX_OFFSET)
    resolve_refs = bool(read_flag(query, "resolve_refs"))
    if "cursor" not in query:
        return RowsRequest(read_version_number(query), offset, limit, resolve_refs)
    cursor = CURSOR.fullmatch(query["cursor"])
    if cursor is None:
        raise InvalidRequest("cursor must be the nextCursor of an earlier page.", "cursor")
    return RowsRequest(int(cursor[1]), int(cursor[2]), limit, resolve_refs)


async def list_rows(
    database: Database,
    tables: TableStore,
    engine: QueryEngine,
    principal: Principal,
    dataset_id: UUID,
    request: RowsRequest,
) -> RowsPage:
    """Return a page of a version's rows. Its cursor continues in the same version, even if there is a newer one.

    Raises NotFound, Locked, Unavailable.
    """
    async with database.connection() as connection:
        version = await get_version(connection, principal, dataset_id, request.version)
    files, offset = _select_files(version.snapshot, request)
    source = await asyncio.to_thread(tables.query_source, files)
    page = await engine.run(Query(source, offset=offset, limit=request.limit, count=False))
    end = request.offset + page.row_count
    has_more = end < version.snapshot.rows and page.row_count > 0
    refs = None
    if request.resolve_refs:
        refs = await resolve_references(database, principal, files.columns, page.json)
    return RowsPage(
        rows=page.json,
        offset=request.offset,
        limit=request.limit,
        total=version.snapshot.rows,
        has_more=has_more,
        version=version.number,
        next_cursor=f"v{version.number}.{end}" if has_more else None,
        resolved_refs=refs,
    )


def _select_files(snapshot: Snapshot, request: RowsRequest) -> tuple[Snapshot, int]:
    """Return the files that contain the requested rows, and how many of their rows to skip."""
    offset, files = request.offset, []
    end = request.offset + request.limit
    start = 0
    for file in snapshot.files:
        if start + file.rows <= request.offset:
            offset -= file.rows
        elif start < end:
            files.append(file)
        start += file.rows
    return msgspec.structs.replace(snapshot, files=tuple(files)), offset if files else 0
