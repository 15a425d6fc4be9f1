"""A caller's own query over a version."""

import asyncio
from typing import Annotated
from uuid import UUID

import msgspec

from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.answer import LAST_VERSION, page_answer
from hallmarket.server.datasets.resolve_references import resolve_references
from hallmarket.server.datasets.versions import get_version
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.exchange import DEEPEST
from hallmarket.server.principal import Principal
from hallmarket.server.query_engine.engine import QueryEngine
from hallmarket.server.query_engine.types import Query
from hallmarket.server.tables.store import TableStore


class CustomQuery(msgspec.Struct, frozen=True):
    """A SELECT in which `{{table}}` is the dataset; `limit` and `offset` cut a page from its result."""

    query: str | None = None
    prompt: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=DEEPEST)] | None = None  # all rows without it
    offset: Annotated[int, msgspec.Meta(ge=0, le=DEEPEST)] | None = None
    resolve_refs: bool = False
    version: Annotated[int, msgspec.Meta(ge=1, le=LAST_VERSION)] | None = None  # the newest without it


async def query_dataset(
    database: Database,
    tables: TableStore,
    engine: QueryEngine,
    principal: Principal,
    dataset_id: UUID,
    asked: CustomQuery,
) -> bytes:
    """A query's result: the answer's JSON.

    Raises InvalidQuery for what the engine finds wrong, InvalidRequest, NotFound, Locked, Unavailable.
    """
    async with database.connection() as connection:
        version = await get_version(connection, principal, dataset_id, asked.version)
    if asked.query is None:
        if asked.prompt is None:
            raise InvalidRequest("query must be a SELECT over {{table}}.", "query")
        raise InvalidRequest("This server has no language model to write queries with; send SQL in query.", "prompt")
    offset = asked.offset or 0
    source = await asyncio.to_thread(tables.query_source, version.snapshot)
    page = await engine.run(Query(source, asked.query, offset, asked.limit))
    refs = None
    if asked.resolve_refs:
        refs = await resolve_references(database, principal, version.snapshot.columns, page.json)
    pagination = {
        "offset": offset,
        "limit": page.row_count if asked.limit is None else asked.limit,
        "total": page.total,
        "hasMore": page.has_more,
        "nextCursor": None,
    }
    return page_answer(page.json, pagination, version.number, asked.query, refs)
