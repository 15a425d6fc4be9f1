"""HTTP routes that read a dataset's rows: pages, queries and exports."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from hallmarket.server.catalog.download_routes import send_part
from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.export import CONTENT_TYPES, EXPORT_QUERY, DatasetExporter, read_export_request
from hallmarket.server.datasets.query import CustomQuery, query_dataset
from hallmarket.server.datasets.rows import ROWS_QUERY, list_rows, read_rows_request
from hallmarket.server.datasets.types import RowsPage
from hallmarket.server.errors import Locked
from hallmarket.server.http.exchange_dialect import Pagination
from hallmarket.server.http.parameters import parse_query, read_id
from hallmarket.server.http.request_context import principal_of, request_context
from hallmarket.server.query_engine.engine import QueryEngine
from hallmarket.server.query_engine.errors import QUERY_ERRORS
from hallmarket.server.tables.store import TableStore

AnyRequest = Request[Any, Any, Any]
# The schema of `_rows_response`, which writes bytes.
ROWS_RESPONSE: dict[str, Any] = {
    "application/json": {
        "type": "object",
        "required": ["data", "error", "pagination", "version"],
        "properties": {
            "data": {
                "type": "array",
                "items": {"type": "object", "description": "Values by column, in the columns' order."},
            },
            "error": {"type": "null"},
            "pagination": {
                "type": "object",
                "required": ["offset", "limit", "total", "hasMore", "nextCursor"],
                "properties": {
                    "offset": {"type": "integer"},
                    "limit": {"type": "integer"},
                    "total": {"type": "integer"},
                    "hasMore": {"type": "boolean"},
                    "nextCursor": {"type": ["object", "null"]},
                },
            },
            "version": {"type": "integer", "description": "The number of the version that was read."},
            "query": {"type": "string", "description": "The query that ran."},
            "resolved_refs": {"type": "object"},
        },
        "examples": [
            {
                "data": [{"id": 1, "city": "Bern"}],
                "error": None,
                "pagination": {"offset": 0, "limit": 100, "total": 1, "hasMore": False, "nextCursor": None},
                "version": 1,
            }
        ],
    }
}
ROWS: dict[str, Any] = {"scope": "assets:read", "success": ROWS_RESPONSE, "raises": (Locked,)}
EXPORT: dict[str, Any] = {
    "scope": "assets:read",
    "query": EXPORT_QUERY,
    "raises": (Locked,),
    "success": {
        content_type: {"type": "string", "format": "binary", "examples": ["…"]}
        for content_type in CONTENT_TYPES.values()
    },
}
EXAMPLE = {"query": "select city, count(*) from {{table}} group by city order by count desc", "limit": 20}


def query_routes(
    database: Database, tables: TableStore, engine: QueryEngine, exporter: DatasetExporter
) -> Sequence[HTTPRouteHandler]:
    """Return the routes that read rows."""

    @get("/datasets/{dataset_id:str}/data", opt=ROWS | {"query": ROWS_QUERY}, summary="List a dataset's rows")
    async def rows(request: AnyRequest, dataset_id: FromPath[str]) -> Response[bytes]:
        context = request_context(request.scope)
        requested = read_rows_request(parse_query(context.scope["query_string"]))
        requested_id = read_id(dataset_id, "dataset_id")
        page = await list_rows(database, tables, engine, context.principal, requested_id, requested)
        return _rows_response(page)

    @post(
        "/datasets/{dataset_id:str}/query-custom",
        opt=ROWS | {"raises": (Locked, *QUERY_ERRORS), "example": EXAMPLE},
        status_code=200,
        summary="Query a dataset with SQL",
    )
    async def query(request: AnyRequest, dataset_id: FromPath[str], data: JSONBody[CustomQuery]) -> Response[bytes]:
        principal, requested_id = principal_of(request.scope), read_id(dataset_id, "dataset_id")
        return _rows_response(await query_dataset(database, tables, engine, principal, requested_id, data))

    @get("/datasets/{dataset_id:str}/export", opt=EXPORT, summary="Export a dataset as a file")
    async def export(request: AnyRequest, dataset_id: FromPath[str]) -> Response[bytes]:
        context = request_context(request.scope)
        requested = read_export_request(parse_query(context.scope["query_string"]))
        requested_id = read_id(dataset_id, "dataset_id")
        return await send_part(context, await exporter.get_export(context.principal, requested_id, requested))

    return [rows, query, export]


def _rows_response(page: RowsPage) -> Response[bytes]:
    """Return a page in its envelope. Its rows are JSON already, and are not decoded again."""
    cursor = None if page.next_cursor is None else {"cursor": page.next_cursor}
    envelope: dict[str, Any] = {
        "error": None,
        "pagination": Pagination(page.offset, page.limit, page.total, page.has_more, cursor),
        "version": page.version,
    }
    if page.query is not None:
        envelope["query"] = page.query
    if page.resolved_refs is not None:
        envelope["resolved_refs"] = page.resolved_refs
    content = b'{"data":' + page.rows + b"," + msgspec.json.encode(envelope)[1:]
    return Response(content, media_type="application/json")
