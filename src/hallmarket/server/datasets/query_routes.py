"""What reads rows under `/datasets`: HTTP only."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from hallmarket.server.catalog.download_routes import send_part
from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.answer import ROWS_ANSWER
from hallmarket.server.datasets.export import CONTENT_TYPES, EXPORT_QUERY, Exports
from hallmarket.server.datasets.query import CustomQuery, query_dataset
from hallmarket.server.datasets.rows import ROWS_QUERY, list_rows, read_wanted
from hallmarket.server.errors import Locked
from hallmarket.server.http.exchange import read_id
from hallmarket.server.http.paging import read_query
from hallmarket.server.http.request_context import principal_of, request_context
from hallmarket.server.query_engine.engine import QueryEngine
from hallmarket.server.query_engine.errors import QUERY_ERRORS
from hallmarket.server.tables.store import TableStore

AnyRequest = Request[Any, Any, Any]
JSON = "application/json"
ROWS = {"scope": "assets:read", "answer": ROWS_ANSWER, "raises": (Locked,)}
EXPORT = {
    "scope": "assets:read",
    "query": EXPORT_QUERY,
    "raises": (Locked,),
    "answer": {kind: {"type": "string", "format": "binary", "examples": ["…"]} for kind in CONTENT_TYPES.values()},
}
EXAMPLE = {"query": "select city, count(*) from {{table}} group by city order by count desc", "limit": 20}


def query_routes(
    database: Database, tables: TableStore, engine: QueryEngine, exports: Exports
) -> Sequence[HTTPRouteHandler]:
    """The routes that read rows."""

    @get("/datasets/{dataset_id:str}/data", opt=ROWS | {"query": ROWS_QUERY}, summary="A page of a dataset's rows")
    async def rows(request: AnyRequest, dataset_id: FromPath[str]) -> Response[bytes]:
        context = request_context(request.scope)
        wanted = read_wanted(read_query(context.scope["query_string"]))
        asked = read_id(dataset_id, "dataset_id")
        return Response(await list_rows(database, tables, engine, context.principal, asked, wanted), media_type=JSON)

    @post(
        "/datasets/{dataset_id:str}/query-custom",
        opt=ROWS | {"raises": (Locked, *QUERY_ERRORS), "example": EXAMPLE},
        status_code=200,
        summary="Ask a dataset by SQL",
    )
    async def query(request: AnyRequest, dataset_id: FromPath[str], data: JSONBody[CustomQuery]) -> Response[bytes]:
        principal, asked = principal_of(request.scope), read_id(dataset_id, "dataset_id")
        return Response(await query_dataset(database, tables, engine, principal, asked, data), media_type=JSON)

    @get("/datasets/{dataset_id:str}/export", opt=EXPORT, summary="A whole dataset as a file")
    async def export(request: AnyRequest, dataset_id: FromPath[str]) -> Response[bytes]:
        context = request_context(request.scope)
        query = read_query(context.scope["query_string"])
        return await send_part(
            context, await exports.find_export(context.principal, read_id(dataset_id, "dataset_id"), query)
        )

    return [rows, query, export]
