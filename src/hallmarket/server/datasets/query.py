"""Run a person's own SQL query over a dataset version."""

import asyncio
from typing import Annotated
from uuid import UUID

import msgspec

from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.resolve_references import resolve_references
from hallmarket.server.datasets.types import RowsPage
from hallmarket.server.datasets.version_number import MAX_VERSION
from hallmarket.server.datasets.versions import get_version
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.exchange_dialect import MAX_OFFSET
from hallmarket.server.principal import Principal
from hallmarket.server.query_engine.engine import QueryEngine
from hallmarket.server.query_engine.types import Query
from hallmarket.server.tables.store import TableStore


class CustomQuery(msgspec.Struct, frozen=True):
    """A SELECT over `{{table}}`, the dataset. `limit` and `offset` cut a page from its result."""

    query: str | None = None
    prompt: str | None = None
    limit: Annotated[int, msgspec.Meta(ge=1, le=MAX_OFFSET)] | None = None  # None: all rows
    offset: Annotated[int, msgspec.Meta(ge=0, le=MAX_OFFSET)] | None = None
    resolve_refs: bool = False
    version: Annotated[int, msgspec.Meta(ge=1, le=MAX_VERSION)] | None = None  # None: the newest


async def query_dataset(
    database: Database,
    tables: TableStore,
    engine: QueryEngine,
    principal: Principal,
    dataset_id: UUID,
    request: CustomQuery,
) -> RowsPage:
    """Run a query, and return a page of its result.

    Raises InvalidQuery if the engine rejects the query, InvalidRequest, NotFound, Locked, Unavailable.
    """
    async with database.connection() as connection:
        version = await get_version(connection, principal, dataset_id, request.version)
    if request.query is None:
        if request.prompt is None:
            raise InvalidRequest("query must be a SELECT over {{table}}.", "query")
        raise InvalidRequest("This server has no language model that writes queries; send SQL in query.", "prompt")
    offset = request.offset or 0
    source = await asyncio.to_thread(tables.query_source, version.snapshot)
    page = await engine.run(Query(source, request.query, offset, request.limit))
    refs = None
    if request.resolve_refs:
        refs = await resolve_references(database, principal, version.snapshot.columns, page.json)
    return RowsPage(
        rows=page.json,
        offset=offset,
        limit=page.row_count if request.limit is None else request.limit,
        total=page.total,
        has_more=page.has_more,
        version=version.number,
        query=request.query,
        resolved_refs=refs,
    )
