"""`/assets/{id}/…`, what an asset has to do with others: connections, lineage, tags, actions. HTTP only."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, delete, get, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from hallmarket.server.catalog.access import get_access
from hallmarket.server.catalog.actions import ACTIONS_QUERY, ActionsPage, no_actions
from hallmarket.server.catalog.connections import (
    CONNECTIONS_QUERY,
    Lineage,
    WireConnection,
    get_lineage,
    list_connections,
)
from hallmarket.server.catalog.tags import AssetTag, NewTags, add_tags, list_tags, remove_tag
from hallmarket.server.catalog.types import LISTED
from hallmarket.server.database.connections import Database
from hallmarket.server.errors import Conflict
from hallmarket.server.http.exchange import (
    FLAG_QUERY,
    MAX_ITEMS,
    Data,
    Paged,
    page_of,
    read_flag,
    read_id,
    read_window,
    window_query,
)
from hallmarket.server.http.paging import read_query
from hallmarket.server.http.request_context import RequestContext, principal_of, request_context

AnyRequest = Request[Any, Any, Any]
READ, WRITE = {"scope": "assets:read"}, {"scope": "assets:write"}
ASSET = "/assets/{asset_id:str}"
HISTORY_QUERY = {"history": FLAG_QUERY | {"description": "With values that later ones took the place of."}}


def graph_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    """The routes of what assets have to do with each other."""
    return [*_connection_routes(database), *_tag_routes(database), *_action_routes(database)]


def _connection_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    @get(ASSET + "/connections", opt=READ | {"query": CONNECTIONS_QUERY}, summary="What an asset is connected with")
    async def connections(request: AnyRequest, asset_id: FromPath[str]) -> Paged[WireConnection]:
        context, query = _read(request)
        wanted = read_id(asset_id, "asset_id")
        return await list_connections(database, context.principal, wanted, query, read_window(query))

    @get(ASSET + "/lineage", opt=READ, summary="What an asset comes from, and what comes from it")
    async def lineage(request: AnyRequest, asset_id: FromPath[str]) -> Data[Lineage]:
        return Data(await get_lineage(database, principal_of(request.scope), read_id(asset_id, "asset_id")))

    return [connections, lineage]


def _tag_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    @get(ASSET + "/tags", opt=READ, summary="An asset's tags")
    async def tags(request: AnyRequest, asset_id: FromPath[str]) -> Data[list[AssetTag]]:
        return Data(await list_tags(database, principal_of(request.scope), read_id(asset_id, "asset_id")))

    @put(
        ASSET + "/tags",
        opt=WRITE | {"raises": (Conflict,), "example": {"tags": ["harbour", "1944"]}},
        summary="Put tags on an asset, beside those it has",
    )
    async def add(request: AnyRequest, asset_id: FromPath[str], data: JSONBody[NewTags]) -> Data[list[AssetTag]]:
        wanted = read_id(asset_id, "asset_id")
        return Data(await add_tags(database, principal_of(request.scope), wanted, data.tags))

    @delete(ASSET + "/tags/{tag_id:str}", opt=WRITE, status_code=200, summary="Take a tag from an asset")
    async def remove(request: AnyRequest, asset_id: FromPath[str], tag_id: FromPath[str]) -> Data[None]:
        wanted = read_id(asset_id, "asset_id"), read_id(tag_id, "tag_id")
        await remove_tag(database, principal_of(request.scope), *wanted)
        return Data(None)

    return [tags, add, remove]


def _action_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    async def require(request: AnyRequest, asset_id: str) -> dict[str, str]:
        context, query = _read(request)
        async with database.connection() as connection:
            await get_access(connection, context.principal, read_id(asset_id, "asset_id"), LISTED)
        return query

    @get(ASSET + "/actions", opt=READ | {"query": ACTIONS_QUERY}, summary="What made an asset, and what it went into")
    async def actions(request: AnyRequest, asset_id: FromPath[str]) -> ActionsPage:
        query = await require(request, asset_id)
        return no_actions(query, read_window(query, MAX_ITEMS))

    @get(ASSET + "/properties", opt=READ | {"query": HISTORY_QUERY}, summary="Values that routes computed of an asset")
    async def properties(request: AnyRequest, asset_id: FromPath[str]) -> Data[list[dict[str, Any]]]:
        read_flag(await require(request, asset_id), "history")
        return Data([])

    @get(
        ASSET + "/compatible-routes", opt=READ | {"query": window_query()}, summary="The routes that an asset can go to"
    )
    async def compatible(request: AnyRequest, asset_id: FromPath[str]) -> Paged[dict[str, Any]]:
        window = read_window(await require(request, asset_id))
        return page_of(window, [], dict, total=0)

    return [actions, properties, compatible]


def _read(request: AnyRequest) -> tuple[RequestContext, dict[str, str]]:
    context = request_context(request.scope)
    return context, read_query(context.scope["query_string"])
