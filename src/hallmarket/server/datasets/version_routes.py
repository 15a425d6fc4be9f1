"""`/datasets/{id}/versions`: HTTP only."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from hallmarket.server.catalog.download_routes import PARTIAL_RESPONSES, SIGNED_DOWNLOAD, send_part
from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.prove import prove_version
from hallmarket.server.datasets.types import WireVersion
from hallmarket.server.datasets.version_files import get_version_file
from hallmarket.server.datasets.versions import get_manifest, get_wire_version, list_versions
from hallmarket.server.errors import InvalidRequest, Locked, RangeNotSatisfiable
from hallmarket.server.http.exchange import Data, Paged, read_id, read_window, window_query
from hallmarket.server.http.paging import read_query
from hallmarket.server.http.request_context import principal_of, request_context
from hallmarket.server.tables.store import TableStore

AnyRequest = Request[Any, Any, Any]
READ: dict[str, Any] = {"scope": "assets:read", "raises": (Locked,)}
VERSIONS = "/datasets/{dataset_id:str}/versions"
ONE = VERSIONS + "/{number:str}"
FILE = SIGNED_DOWNLOAD | READ | {"raises": (Locked, RangeNotSatisfiable)}
JSON = {"application/json": {"type": "object"}}


def version_routes(database: Database, tables: TableStore) -> Sequence[HTTPRouteHandler]:
    """The routes of versions."""

    @get(VERSIONS, opt=READ | {"query": window_query()}, summary="The versions of a dataset, newest first")
    async def versions(request: AnyRequest, dataset_id: FromPath[str]) -> Paged[WireVersion]:
        context = request_context(request.scope)
        window = read_window(read_query(context.scope["query_string"]))
        return await list_versions(database, context.principal, read_id(dataset_id, "dataset_id"), window)

    @get(ONE, opt=READ, summary="One version of a dataset")
    async def one(request: AnyRequest, dataset_id: FromPath[str], number: FromPath[str]) -> Data[WireVersion]:
        wanted = read_id(dataset_id, "dataset_id"), read_number(number)
        return Data(await get_wire_version(database, principal_of(request.scope), *wanted))

    @get(ONE + "/manifest", opt=READ | {"answer": JSON}, summary="What a version consists of, as it is anchored")
    async def manifest(request: AnyRequest, dataset_id: FromPath[str], number: FromPath[str]) -> Response[bytes]:
        wanted = read_id(dataset_id, "dataset_id"), read_number(number)
        text = await get_manifest(database, principal_of(request.scope), *wanted)
        return Response(text.encode(), media_type="application/json")

    @get(ONE + "/proof", opt=READ | {"answer": JSON}, summary="The proof that a version is anchored")
    async def proof(request: AnyRequest, dataset_id: FromPath[str], number: FromPath[str]) -> Response[bytes]:
        wanted = read_id(dataset_id, "dataset_id"), read_number(number)
        bundle = await prove_version(database, principal_of(request.scope), *wanted)
        return Response(bundle.encode(), media_type="application/json")

    @get(
        ONE + "/files/{name:str}",
        opt=FILE,
        summary="One of a version's Parquet files, to the byte",
        responses=PARTIAL_RESPONSES,
    )
    async def file(
        request: AnyRequest, dataset_id: FromPath[str], number: FromPath[str], name: FromPath[str]
    ) -> Response[bytes]:
        context, wanted = request_context(request.scope), (read_id(dataset_id, "dataset_id"), read_number(number))
        return await send_part(context, await get_version_file(database, tables, context.principal, *wanted, name))

    return [versions, one, manifest, proof, file]


def read_number(text: str) -> int:
    """A version's number in a path or a query. Raises InvalidRequest."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidRequest("A version is a whole number from 1 up.", "number")
    return int(text)
