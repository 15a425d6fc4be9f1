"""HTTP routes of dataset versions."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from hallmarket.server.catalog.download_routes import PARTIAL_RESPONSES, SIGNED_DOWNLOAD, send_part
from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.prove import prove_version
from hallmarket.server.datasets.types import WireVersion
from hallmarket.server.datasets.version_files import get_version_file
from hallmarket.server.datasets.version_number import parse_version_number
from hallmarket.server.datasets.versions import get_manifest, get_wire_version, list_versions
from hallmarket.server.errors import Locked, RangeNotSatisfiable
from hallmarket.server.http.exchange_dialect import Data, Paged, paged, read_window, window_query
from hallmarket.server.http.parameters import parse_query, read_id
from hallmarket.server.http.request_context import principal_of, request_context
from hallmarket.server.tables.store import TableStore

AnyRequest = Request[Any, Any, Any]
READ: dict[str, Any] = {"scope": "assets:read", "raises": (Locked,)}
VERSIONS = "/datasets/{dataset_id:str}/versions"
VERSION = VERSIONS + "/{number:str}"
FILE = SIGNED_DOWNLOAD | READ | {"raises": (Locked, RangeNotSatisfiable)}
JSON = {"application/json": {"type": "object"}}


def version_routes(database: Database, tables: TableStore) -> Sequence[HTTPRouteHandler]:
    """Return the routes of versions."""

    @get(VERSIONS, opt=READ | {"query": window_query()}, summary="List the versions of a dataset, newest first")
    async def versions(request: AnyRequest, dataset_id: FromPath[str]) -> Paged[WireVersion]:
        context = request_context(request.scope)
        window = read_window(parse_query(context.scope["query_string"]))
        return paged(await list_versions(database, context.principal, read_id(dataset_id, "dataset_id"), window))

    @get(VERSION, opt=READ, summary="Get a version of a dataset")
    async def get_one(request: AnyRequest, dataset_id: FromPath[str], number: FromPath[str]) -> Data[WireVersion]:
        requested = _read_path(dataset_id, number)
        return Data(await get_wire_version(database, principal_of(request.scope), *requested))

    @get(VERSION + "/manifest", opt=READ | {"success": JSON}, summary="Get a version's manifest, as it is anchored")
    async def manifest(request: AnyRequest, dataset_id: FromPath[str], number: FromPath[str]) -> Response[bytes]:
        requested = _read_path(dataset_id, number)
        text = await get_manifest(database, principal_of(request.scope), *requested)
        return Response(text.encode(), media_type="application/json")

    @get(VERSION + "/proof", opt=READ | {"success": JSON}, summary="Get the proof that a version is anchored")
    async def proof(request: AnyRequest, dataset_id: FromPath[str], number: FromPath[str]) -> Response[bytes]:
        requested = _read_path(dataset_id, number)
        bundle = await prove_version(database, principal_of(request.scope), *requested)
        return Response(bundle.encode(), media_type="application/json")

    @get(
        VERSION + "/files/{name:str}",
        opt=FILE,
        summary="Download one of a version's Parquet files",
        responses=PARTIAL_RESPONSES,
    )
    async def file(
        request: AnyRequest, dataset_id: FromPath[str], number: FromPath[str], name: FromPath[str]
    ) -> Response[bytes]:
        context, requested = request_context(request.scope), _read_path(dataset_id, number)
        return await send_part(context, await get_version_file(database, tables, context.principal, *requested, name))

    return [versions, get_one, manifest, proof, file]


def _read_path(dataset_id: str, number: str) -> tuple[UUID, int]:
    return read_id(dataset_id, "dataset_id"), parse_version_number(number)
