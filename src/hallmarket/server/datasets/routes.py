"""`/datasets`: HTTP only; queries, rows and exports stand in query_routes."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, delete, get, patch, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from hallmarket.server.catalog.delete import DELETE_QUERY, delete_asset, read_delete_options
from hallmarket.server.catalog.get import get_asset
from hallmarket.server.catalog.share import Share, list_permissions, share_asset
from hallmarket.server.catalog.types import DeleteResult, WireAsset, WirePermission
from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.columns import ChangeColumn, NewColumn, add_column, change_column, drop_column
from hallmarket.server.datasets.create import create_from_schema
from hallmarket.server.datasets.create_from_file import FIELD, ImportFiles, create_from_file_asset, create_from_form
from hallmarket.server.datasets.indexes import NewIndex, create_index, delete_index, list_indexes
from hallmarket.server.datasets.ingest_rows import ingest_rows
from hallmarket.server.datasets.openapi_bodies import CHANGE, CREATE, CREATE_FROM_FILE, INGEST, READ, WRITE
from hallmarket.server.datasets.schema_and_stats import get_schema, get_stats
from hallmarket.server.datasets.types import (
    DATASET,
    CreatedDataset,
    IngestResult,
    WireColumn,
    WireIndex,
    WireStats,
    WireView,
)
from hallmarket.server.datasets.update import UpdateDataset, update_dataset
from hallmarket.server.datasets.views import ChangeView, NewView, change_view, create_view, delete_view, list_views
from hallmarket.server.errors import Conflict, Locked
from hallmarket.server.http.body import MAX_BODY_BYTES, read_body, unpacked
from hallmarket.server.http.exchange import MAX_ITEMS, Data, Paged, paged, read_id, read_window, window_query
from hallmarket.server.http.paging import read_query
from hallmarket.server.http.request_context import principal_of, request_context
from hallmarket.server.http.upload_form import UploadForm
from hallmarket.server.principal import Principal
from hallmarket.server.tables.store import TableStore

AnyRequest = Request[Any, Any, Any]
ONE = "/datasets/{dataset_id:str}"
LOCKED = READ | {"raises": (Locked,)}


class Named(msgspec.Struct, frozen=True):
    """A column as it is called now."""

    name: str


class Dropped(msgspec.Struct, frozen=True):
    """A column that is no more."""

    dropped: str


def datasets_routes(database: Database, tables: TableStore, uploads: ImportFiles) -> Sequence[HTTPRouteHandler]:
    """The routes of datasets, save those that read rows."""
    return [
        *_creating_routes(database, tables, uploads),
        *_dataset_routes(database, tables),
        *_describing_routes(database),
        *_column_routes(database, tables),
        *_index_routes(database, tables),
        *_view_routes(database),
    ]


def _creating_routes(database: Database, tables: TableStore, uploads: ImportFiles) -> Sequence[HTTPRouteHandler]:
    @post(
        "/datasets/create/from-schema",
        opt=CREATE,
        status_code=200,
        summary="Create a dataset from a schema, or from rows",
    )
    async def from_schema(request: AnyRequest) -> CreatedDataset:
        return await create_from_schema(database, tables, principal_of(request.scope), await request.body())

    @post("/datasets/create/from-file", opt=CREATE_FROM_FILE, status_code=200, summary="Create a dataset from a file")
    async def from_file(request: AnyRequest) -> CreatedDataset:
        context = request_context(request.scope)
        content_type = context.headers.get(b"content-type", b"")
        if content_type.partition(b";")[0].strip().lower() == b"application/json":
            body = await read_body(context, MAX_BODY_BYTES)
            return await create_from_file_asset(database, tables, uploads, context.principal, body)
        form = UploadForm(content_type, unpacked(context), uploads.max_bytes, (FIELD,))
        return await create_from_form(database, tables, uploads, context.principal, form)

    @post(ONE + "/data", opt=INGEST, status_code=200, summary="Write rows into a dataset")
    async def data(request: AnyRequest, dataset_id: FromPath[str]) -> IngestResult:
        wanted = _dataset(dataset_id)
        return await ingest_rows(database, tables, principal_of(request.scope), wanted, await request.body())

    return [from_schema, from_file, data]


def _dataset_routes(database: Database, tables: TableStore) -> Sequence[HTTPRouteHandler]:
    @get(ONE, opt=READ, summary="One dataset, with its first rows")
    async def get_one(request: AnyRequest, dataset_id: FromPath[str]) -> Data[WireAsset]:
        wanted = _dataset(dataset_id)
        async with database.connection() as connection:
            return Data(await get_asset(connection, _caller(request), wanted, DATASET))

    @put(
        ONE,
        opt=CHANGE | {"example": {"dataset": {"description": "Rain by day."}}},
        summary="Change what is said of a dataset",
    )
    async def change(request: AnyRequest, dataset_id: FromPath[str], data: JSONBody[UpdateDataset]) -> Data[WireAsset]:
        context = request_context(request.scope)
        return Data(await update_dataset(database, tables, context.principal, _dataset(dataset_id), data.dataset))

    @delete(
        ONE,
        opt=WRITE | {"query": DELETE_QUERY, "raises": (Conflict,)},
        status_code=200,
        summary="Delete a dataset with all its versions",
    )
    async def remove(request: AnyRequest, dataset_id: FromPath[str]) -> Data[DeleteResult]:
        context = request_context(request.scope)
        options = read_delete_options(read_query(context.scope["query_string"]))
        return Data(await delete_asset(database, context.principal, _dataset(dataset_id), options, DATASET))

    @get(
        ONE + "/permissions",
        opt=LOCKED | {"query": window_query(MAX_ITEMS)},
        summary="Who has which role on a dataset, its owner first",
    )
    async def permissions(request: AnyRequest, dataset_id: FromPath[str]) -> Paged[WirePermission]:
        window = read_window(read_query(request_context(request.scope).scope["query_string"]), MAX_ITEMS)
        return paged(await list_permissions(database, _caller(request), _dataset(dataset_id), window, DATASET))

    @put(ONE + "/share", opt=WRITE | {"raises": (Conflict,)}, summary="Give somebody a role on a dataset, or take it")
    async def share(request: AnyRequest, dataset_id: FromPath[str], data: JSONBody[Share]) -> Data[None]:
        await share_asset(database, principal_of(request.scope), _dataset(dataset_id), data.permission, DATASET)
        return Data(None)

    return [get_one, change, remove, permissions, share]


def _describing_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    @get(ONE + "/schema", opt=READ, summary="The columns of a dataset, in order")
    async def schema(request: AnyRequest, dataset_id: FromPath[str]) -> Data[list[WireColumn]]:
        return Data(await get_schema(database, _caller(request), _dataset(dataset_id)))

    @get(ONE + "/stats", opt=READ, summary="How much there is in a dataset")
    async def stats(request: AnyRequest, dataset_id: FromPath[str]) -> Data[WireStats]:
        return Data(await get_stats(database, _caller(request), _dataset(dataset_id)))

    return [schema, stats]


def _column_routes(database: Database, tables: TableStore) -> Sequence[HTTPRouteHandler]:
    # A path, for a column's name may have slashes in it, which arrive unquoted.
    one = ONE + "/columns/{column:path}"

    @post(ONE + "/columns", opt=CHANGE, status_code=200, summary="Add a column")
    async def add(request: AnyRequest, dataset_id: FromPath[str], data: JSONBody[NewColumn]) -> Data[Named]:
        return Data(Named(await add_column(database, tables, principal_of(request.scope), _dataset(dataset_id), data)))

    @patch(one, opt=CHANGE, summary="Rename or retype a column, or set its label or its values")
    async def change(
        request: AnyRequest, dataset_id: FromPath[str], column: FromPath[Path], data: JSONBody[ChangeColumn]
    ) -> Data[Named]:
        context, wanted = request_context(request.scope), _dataset(dataset_id)
        return Data(Named(await change_column(database, tables, context.principal, wanted, _name(column), data)))

    @delete(one, opt=CHANGE, status_code=200, summary="Drop a column, and the indexes it is in")
    async def drop(request: AnyRequest, dataset_id: FromPath[str], column: FromPath[Path]) -> Data[Dropped]:
        context, wanted = request_context(request.scope), _dataset(dataset_id)
        return Data(Dropped(await drop_column(database, tables, context.principal, wanted, _name(column))))

    return [add, change, drop]


def _index_routes(database: Database, tables: TableStore) -> Sequence[HTTPRouteHandler]:
    @get(ONE + "/indexes", opt=READ, summary="The indexes of a dataset, its key first")
    async def indexes(request: AnyRequest, dataset_id: FromPath[str]) -> Data[list[WireIndex]]:
        return Data(await list_indexes(database, _caller(request), _dataset(dataset_id)))

    @post(ONE + "/indexes", opt=CHANGE, status_code=200, summary="Index up to four columns")
    async def create(request: AnyRequest, dataset_id: FromPath[str], data: JSONBody[NewIndex]) -> Data[WireIndex]:
        context = request_context(request.scope)
        return Data(await create_index(database, tables, context.principal, _dataset(dataset_id), data))

    @delete(ONE + "/indexes/{index:str}", opt=CHANGE, status_code=200, summary="Drop an index")
    async def drop(request: AnyRequest, dataset_id: FromPath[str], index: FromPath[str]) -> Data[None]:
        await delete_index(database, tables, principal_of(request.scope), _dataset(dataset_id), index)
        return Data(None)

    return [indexes, create, drop]


def _view_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    views = ONE + "/visualizations"

    @get(views, opt=LOCKED, summary="The saved views of a dataset, oldest first")
    async def get_views(request: AnyRequest, dataset_id: FromPath[str]) -> Data[list[WireView]]:
        return Data(await list_views(database, _caller(request), _dataset(dataset_id)))

    @post(views, opt=CHANGE, status_code=200, summary="Save a view")
    async def create(request: AnyRequest, dataset_id: FromPath[str], data: JSONBody[NewView]) -> Data[WireView]:
        return Data(await create_view(database, principal_of(request.scope), _dataset(dataset_id), data))

    @put(views + "/{view_id:str}", opt=CHANGE, summary="Change a saved view")
    async def change(
        request: AnyRequest, dataset_id: FromPath[str], view_id: FromPath[str], data: JSONBody[ChangeView]
    ) -> Data[WireView]:
        wanted = _dataset(dataset_id), read_id(view_id, "view_id")
        return Data(await change_view(database, principal_of(request.scope), *wanted, data))

    @delete(views + "/{view_id:str}", opt=CHANGE, status_code=200, summary="Delete a saved view")
    async def remove(request: AnyRequest, dataset_id: FromPath[str], view_id: FromPath[str]) -> Data[None]:
        await delete_view(database, principal_of(request.scope), _dataset(dataset_id), read_id(view_id, "view_id"))
        return Data(None)

    return [get_views, create, change, remove]


def _dataset(text: str) -> UUID:
    return read_id(text, "dataset_id")


def _name(path: Path) -> str:
    return str(path).removeprefix("/")


def _caller(request: AnyRequest) -> Principal:
    principal: Principal = principal_of(request.scope)
    return principal
