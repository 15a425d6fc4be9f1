"""HTTP routes that all asset types share: reading, searching, sharing and deleting."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Request, delete, get, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from hallmarket.server.catalog.delete import DELETE_QUERY, delete_asset, read_delete_options
from hallmarket.server.catalog.explain_access import (
    EXPLAIN_QUERY,
    Explanation,
    explain_access,
    read_explain_request,
)
from hallmarket.server.catalog.get import get_asset, get_type, list_children
from hallmarket.server.catalog.search import search_assets
from hallmarket.server.catalog.search_query import SEARCH_ITEMS, SEARCH_QUERY, read_search
from hallmarket.server.catalog.share import Share, list_permissions, share_asset
from hallmarket.server.catalog.types import DeleteResult, WireAsset, WirePermission
from hallmarket.server.database.connections import Database
from hallmarket.server.errors import Conflict, Forbidden
from hallmarket.server.http.exchange_dialect import MAX_PAGE_SIZE, Data, Paged, paged, read_window, window_query
from hallmarket.server.http.parameters import parse_query, read_id
from hallmarket.server.http.request_context import principal_of, request_context

AnyRequest = Request[Any, Any, Any]
READ, WRITE = {"scope": "assets:read"}, {"scope": "assets:write"}
ASSET = "/assets/{asset_id:str}"
PERMISSIONS = READ | {"query": window_query(MAX_PAGE_SIZE)}


class TypeOf(msgspec.Struct, frozen=True):
    """An asset's type."""

    asset_type: str


def catalog_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    """Return the routes that all asset types share."""
    return [*_reading_routes(database), *_sharing_routes(database)]


def _reading_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    @get(ASSET, opt=READ, summary="Get an asset without its content")
    async def get_one(request: AnyRequest, asset_id: FromPath[str]) -> Data[WireAsset]:
        requested_id = read_id(asset_id, "asset_id")
        async with database.connection() as connection:
            return Data(await get_asset(connection, principal_of(request.scope), requested_id))

    @get("/search/assets", opt=READ | {"query": SEARCH_QUERY}, summary="Search assets by words, scope and filters")
    async def search(request: AnyRequest) -> Paged[WireAsset]:
        context = request_context(request.scope)
        query = parse_query(context.scope["query_string"])
        requested, window = read_search(query, context.principal), read_window(query, SEARCH_ITEMS)
        return paged(await search_assets(database, context.principal, requested, window))

    @get(ASSET + "/type", opt=READ, summary="Get an asset's type")
    async def type_of(request: AnyRequest, asset_id: FromPath[str]) -> Data[TypeOf]:
        requested_id = read_id(asset_id, "asset_id")
        async with database.connection() as connection:
            return Data(TypeOf(await get_type(connection, principal_of(request.scope), requested_id)))

    @get(ASSET + "/children", opt=READ, summary="List an asset's children, oldest first")
    async def children(request: AnyRequest, asset_id: FromPath[str]) -> Data[list[WireAsset]]:
        requested_id = read_id(asset_id, "asset_id")
        async with database.connection() as connection:
            return Data(await list_children(connection, principal_of(request.scope), requested_id))

    @delete(
        ASSET,
        opt=WRITE | {"query": DELETE_QUERY, "raises": (Conflict,)},
        status_code=200,
        summary="Delete an asset and its comments",
    )
    async def remove(request: AnyRequest, asset_id: FromPath[str]) -> Data[DeleteResult]:
        context = request_context(request.scope)
        options = read_delete_options(parse_query(context.scope["query_string"]))
        return Data(await delete_asset(database, context.principal, read_id(asset_id, "asset_id"), options))

    return [get_one, search, type_of, children, remove]


def _sharing_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    @put(
        ASSET + "/share",
        opt=WRITE | {"raises": (Conflict,)},
        summary="Grant a person a role on an asset, or revoke it",
    )
    async def share(request: AnyRequest, asset_id: FromPath[str], data: JSONBody[Share]) -> Data[None]:
        await share_asset(database, principal_of(request.scope), read_id(asset_id, "asset_id"), data.permission)
        return Data(None)

    @get(ASSET + "/permissions", opt=PERMISSIONS, summary="List the permissions on an asset, the owner's first")
    async def permissions(request: AnyRequest, asset_id: FromPath[str]) -> Paged[WirePermission]:
        context = request_context(request.scope)
        window = read_window(parse_query(context.scope["query_string"]), MAX_PAGE_SIZE)
        return paged(await list_permissions(database, context.principal, read_id(asset_id, "asset_id"), window))

    @get(
        ASSET + "/explain",
        opt=READ | {"query": EXPLAIN_QUERY, "raises": (Forbidden,)},
        summary="Explain why a person may or may not do something to an asset",
    )
    async def explain(request: AnyRequest, asset_id: FromPath[str]) -> Data[Explanation]:
        context = request_context(request.scope)
        requested = read_explain_request(parse_query(context.scope["query_string"]))
        return Data(await explain_access(database, context.principal, read_id(asset_id, "asset_id"), requested))

    return [share, permissions, explain]
