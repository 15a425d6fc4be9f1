"""HTTP routes of datasets, their columns, indexes and views."""

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
from hallmarket.server.datasets.columns import ColumnChanges, NewColumn, add_column, change_column, drop_column
from hallmarket.server.datasets.indexes import NewIndex, create_index, delete_index, list_indexes
from hallmarket.server.datasets.schema_and_stats import get_schema, get_stats
from hallmarket.server.datasets.types import (
    DATASET,
    WireColumn,
    WireIndex,
    WireStats,
    WireView,
)
from hallmarket.server.datasets.update import UpdateDataset, update_dataset
from hallmarket.server.datasets.views import NewView, ViewChanges, change_view, create_view, delete_view, list_views
from hallmarket.server.errors import Conflict, Duplicate, Locked
from hallmarket.server.http.exchange_dialect import MAX_PAGE_SIZE, Data, Paged, paged, read_window, window_query
from hallmarket.server.http.parameters import parse_query, read_id
from hallmarket.server.http.request_context import principal_of, request_context
from hallmarket.server.tables.store import TableStore

AnyRequest = Request[Any, Any, Any]
READ, WRITE = {"scope": "assets:read"}, {"scope": "assets:write"}
CHANGE: dict[str, Any] = WRITE | {"raises": (Conflict, Duplicate, Locked)}
DATASET_PATH = "/datasets/{dataset_id:str}"
LOCKED = READ | {"raises": (Locked,)}


class Named(msgspec.Struct, frozen=True):
    """The new name of a column."""

    name: str


class Dropped(msgspec.Struct, frozen=True):
    """The name of the dropped column."""

    dropped: str


def datasets_routes(database: Database, tables: TableStore) -> Sequence[HTTPRouteHandler]:
    """Return the routes of datasets, except those that read or write rows."""
    return [
        *_dataset_routes(database, tables),
        *_schema_routes(database),
        *_column_routes(database, tables),
        *_index_routes(database, tables),
        *_view_routes(database),
    ]


def _dataset_routes(database: Database, tables: TableStore) -> Sequence[HTTPRouteHandler]:
    @get(DATASET_PATH, opt=READ, summary="Get a dataset with its first rows")
    async def get_one(request: AnyRequest, dataset_id: FromPath[str]) -> Data[WireAsset]:
        requested_id = _read_id(dataset_id)
        async with database.connection() as connection:
            return Data(await get_asset(connection, principal_of(request.scope), requested_id, DATASET))

    @put(
        DATASET_PATH,
        opt=CHANGE | {"example": {"dataset": {"description": "Rain by day."}}},
        summary="Update a dataset",
    )
    async def change(request: AnyRequest, dataset_id: FromPath[str], data: JSONBody[UpdateDataset]) -> Data[WireAsset]:
        context = request_context(request.scope)
        return Data(await update_dataset(database, tables, context.principal, _read_id(dataset_id), data.dataset))

    @delete(
        DATASET_PATH,
        opt=WRITE | {"query": DELETE_QUERY, "raises": (Conflict,)},
        status_code=200,
        summary="Delete a dataset and all its versions",
    )
    async def remove(request: AnyRequest, dataset_id: FromPath[str]) -> Data[DeleteResult]:
        context = request_context(request.scope)
        options = read_delete_options(parse_query(context.scope["query_string"]))
        return Data(await delete_asset(database, context.principal, _read_id(dataset_id), options, DATASET))

    @get(
        DATASET_PATH + "/permissions",
        opt=LOCKED | {"query": window_query(MAX_PAGE_SIZE)},
        summary="List the permissions on a dataset, the owner's first",
    )
    async def permissions(request: AnyRequest, dataset_id: FromPath[str]) -> Paged[WirePermission]:
        window = read_window(parse_query(request_context(request.scope).scope["query_string"]), MAX_PAGE_SIZE)
        return paged(
            await list_permissions(database, principal_of(request.scope), _read_id(dataset_id), window, DATASET)
        )

    @put(
        DATASET_PATH + "/share",
        opt=WRITE | {"raises": (Conflict,)},
        summary="Grant a person a role on a dataset, or revoke it",
    )
    async def share(request: AnyRequest, dataset_id: FromPath[str], data: JSONBody[Share]) -> Data[None]:
        await share_asset(database, principal_of(request.scope), _read_id(dataset_id), data.permission, DATASET)
        return Data(None)

    return [get_one, change, remove, permissions, share]


def _schema_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    @get(DATASET_PATH + "/schema", opt=READ, summary="List the columns of a dataset, in order")
    async def schema(request: AnyRequest, dataset_id: FromPath[str]) -> Data[list[WireColumn]]:
        return Data(await get_schema(database, principal_of(request.scope), _read_id(dataset_id)))

    @get(DATASET_PATH + "/stats", opt=READ, summary="Get the size of a dataset")
    async def stats(request: AnyRequest, dataset_id: FromPath[str]) -> Data[WireStats]:
        return Data(await get_stats(database, principal_of(request.scope), _read_id(dataset_id)))

    return [schema, stats]


def _column_routes(database: Database, tables: TableStore) -> Sequence[HTTPRouteHandler]:
    # A `path` parameter, because a column's name may contain slashes, which arrive decoded.
    column_path = DATASET_PATH + "/columns/{column:path}"

    @post(DATASET_PATH + "/columns", opt=CHANGE, status_code=200, summary="Add a column")
    async def add(request: AnyRequest, dataset_id: FromPath[str], data: JSONBody[NewColumn]) -> Data[Named]:
        return Data(Named(await add_column(database, tables, principal_of(request.scope), _read_id(dataset_id), data)))

    @patch(column_path, opt=CHANGE, summary="Change a column's name, type, label or enum values")
    async def change(
        request: AnyRequest, dataset_id: FromPath[str], column: FromPath[Path], data: JSONBody[ColumnChanges]
    ) -> Data[Named]:
        principal, requested_id = principal_of(request.scope), _read_id(dataset_id)
        return Data(Named(await change_column(database, tables, principal, requested_id, _name(column), data)))

    @delete(column_path, opt=CHANGE, status_code=200, summary="Drop a column, and the indexes that contain it")
    async def drop(request: AnyRequest, dataset_id: FromPath[str], column: FromPath[Path]) -> Data[Dropped]:
        principal, requested_id = principal_of(request.scope), _read_id(dataset_id)
        return Data(Dropped(await drop_column(database, tables, principal, requested_id, _name(column))))

    return [add, change, drop]


def _index_routes(database: Database, tables: TableStore) -> Sequence[HTTPRouteHandler]:
    @get(DATASET_PATH + "/indexes", opt=READ, summary="List the indexes of a dataset, its key first")
    async def indexes(request: AnyRequest, dataset_id: FromPath[str]) -> Data[list[WireIndex]]:
        return Data(await list_indexes(database, principal_of(request.scope), _read_id(dataset_id)))

    @post(DATASET_PATH + "/indexes", opt=CHANGE, status_code=200, summary="Create an index over up to four columns")
    async def create(request: AnyRequest, dataset_id: FromPath[str], data: JSONBody[NewIndex]) -> Data[WireIndex]:
        context = request_context(request.scope)
        return Data(await create_index(database, tables, context.principal, _read_id(dataset_id), data))

    @delete(DATASET_PATH + "/indexes/{index:str}", opt=CHANGE, status_code=200, summary="Drop an index")
    async def drop(request: AnyRequest, dataset_id: FromPath[str], index: FromPath[str]) -> Data[None]:
        await delete_index(database, tables, principal_of(request.scope), _read_id(dataset_id), index)
        return Data(None)

    return [indexes, create, drop]


def _view_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    views = DATASET_PATH + "/visualizations"

    @get(views, opt=LOCKED, summary="List the saved views of a dataset, oldest first")
    async def get_views(request: AnyRequest, dataset_id: FromPath[str]) -> Data[list[WireView]]:
        return Data(await list_views(database, principal_of(request.scope), _read_id(dataset_id)))

    @post(views, opt=CHANGE, status_code=200, summary="Save a view of a dataset")
    async def create(request: AnyRequest, dataset_id: FromPath[str], data: JSONBody[NewView]) -> Data[WireView]:
        return Data(await create_view(database, principal_of(request.scope), _read_id(dataset_id), data))

    @put(views + "/{view_id:str}", opt=CHANGE, summary="Change a saved view")
    async def change(
        request: AnyRequest, dataset_id: FromPath[str], view_id: FromPath[str], data: JSONBody[ViewChanges]
    ) -> Data[WireView]:
        ids = _read_id(dataset_id), read_id(view_id, "view_id")
        return Data(await change_view(database, principal_of(request.scope), *ids, data))

    @delete(views + "/{view_id:str}", opt=CHANGE, status_code=200, summary="Delete a saved view")
    async def remove(request: AnyRequest, dataset_id: FromPath[str], view_id: FromPath[str]) -> Data[None]:
        await delete_view(database, principal_of(request.scope), _read_id(dataset_id), read_id(view_id, "view_id"))
        return Data(None)

    return [get_views, create, change, remove]


def _read_id(text: str) -> UUID:
    return read_id(text, "dataset_id")


def _name(path: Path) -> str:
    return str(path).removeprefix("/")
