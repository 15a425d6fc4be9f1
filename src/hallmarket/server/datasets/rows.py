"""Rows of a version as they are stored: page by page, each page of the same version."""

import asyncio
import re
from uuid import UUID

import msgspec

from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.answer import VERSION_QUERY, page_answer, read_number, read_version_number
from hallmarket.server.datasets.resolve_references import RESOLVE_QUERY, resolve_references
from hallmarket.server.datasets.versions import get_version
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.exchange import DEEPEST, Pagination, read_flag
from hallmarket.server.principal import Principal
from hallmarket.server.query_engine.engine import QueryEngine
from hallmarket.server.query_engine.types import Query
from hallmarket.server.tables.store import TableStore
from hallmarket.server.tables.types import Snapshot

MAX_ROWS = 10_000
ROWS = 100
CURSOR = re.compile(r"v([1-9][0-9]{0,8})\.([0-9]{1,10})")
ROWS_QUERY = {
    "limit": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_ROWS,
        "default": ROWS,
        "description": "How many to answer with.",
    },
    "offset": {"type": "integer", "minimum": 0, "default": 0, "description": "How many to pass over."},
    "cursor": {
        "type": "string",
        "description": "Where the page before ended, out of its `nextCursor`; instead of `offset` and `version`.",
        "examples": ["v1.100"],
    },
    "version": VERSION_QUERY,
    "resolve_refs": RESOLVE_QUERY,
}


class Wanted(msgspec.Struct, frozen=True):
    """Which rows, of which version; the newest without a number."""

    version: int | None
    offset: int
    limit: int
    resolves: bool


def read_wanted(query: dict[str, str]) -> Wanted:
    """What a query asks for. Raises InvalidRequest."""
    limit = read_number(query, "limit", ROWS, 1, MAX_ROWS)
    offset = read_number(query, "offset", 0, 0, DEEPEST)
    resolves = bool(read_flag(query, "resolve_refs"))
    if "cursor" not in query:
        return Wanted(read_version_number(query), offset, limit, resolves)
    place = CURSOR.fullmatch(query["cursor"])
    if place is None:
        raise InvalidRequest("cursor must be one that a page's nextCursor gave.", "cursor")
    return Wanted(int(place[1]), int(place[2]), limit, resolves)


async def list_rows(
    database: Database, tables: TableStore, engine: QueryEngine, principal: Principal, dataset_id: UUID, wanted: Wanted
) -> bytes:
    """A page of a version's rows, in the order they are stored in: the answer's JSON.

    Its `nextCursor` goes on in the same version, whatever is written meanwhile. Raises NotFound, Locked, Unavailable.
    """
    async with database.connection() as connection:
        version = await get_version(connection, principal, dataset_id, wanted.version)
    files, offset = _cover(version.snapshot, wanted)
    source = await asyncio.to_thread(tables.query_source, files)
    page = await engine.run(Query(source, offset=offset, limit=wanted.limit, count=False))
    end = wanted.offset + page.row_count
    has_more = end < version.snapshot.rows and page.row_count > 0
    cursor = {"cursor": f"v{version.number}.{end}"} if has_more else None
    pagination = Pagination(wanted.offset, wanted.limit, version.snapshot.rows, has_more, cursor)
    refs = await resolve_references(database, principal, files.columns, page.json) if wanted.resolves else None
    return page_answer(page.json, pagination, version.number, refs=refs)


def _cover(snapshot: Snapshot, wanted: Wanted) -> tuple[Snapshot, int]:
    """The files that hold the rows wanted, and how many of theirs come before: no page opens all files."""
    offset, files = wanted.offset, []
    end = wanted.offset + wanted.limit
    start = 0
    for file in snapshot.files:
        if start + file.rows <= wanted.offset:
            offset -= file.rows
        elif start < end:
            files.append(file)
        start += file.rows
    return msgspec.structs.replace(snapshot, files=tuple(files)), offset if files else 0
