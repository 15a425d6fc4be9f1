"""HTTP routes of an asset's connections, lineage, tags and actions."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Request, delete, get, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from hallmarket.server.catalog.actions import (
    ACTIONS_QUERY,
    LinkedActions,
    list_actions,
    list_compatible_routes,
    list_properties,
    read_actions_request,
)
from hallmarket.server.catalog.connections import (
    CONNECTIONS_QUERY,
    WireConnection,
    list_connections,
    read_connections_request,
)
from hallmarket.server.catalog.lineage import Lineage, get_lineage
from hallmarket.server.catalog.tags import AssetTag, NewTags, add_tags, list_tags, remove_tag
from hallmarket.server.database.connections import Database
from hallmarket.server.errors import Conflict
from hallmarket.server.http.exchange_dialect import Data, Paged, Pagination, paged, read_window, window_query
from hallmarket.server.http.parameters import FLAG_QUERY, parse_query, read_flag, read_id
from hallmarket.server.http.request_context import RequestContext, principal_of, request_context

AnyRequest = Request[Any, Any, Any]
READ, WRITE = {"scope": "assets:read"}, {"scope": "assets:write"}
ASSET = "/assets/{asset_id:str}"
HISTORY_QUERY = {"history": FLAG_QUERY | {"description": "Whether to include values that were replaced later."}}


class ActionsPage(msgspec.Struct, frozen=True):
    """One page of an asset's actions, in the form that belongs to the requested role."""

    data: LinkedActions | list[dict[str, Any]] | None
    pagination: Pagination
    error: None = None


def graph_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    """Return the routes of connections, lineage, tags and actions."""
    return [*_connection_routes(database), *_tag_routes(database), *_action_routes(database)]


def _connection_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    @get(ASSET + "/connections", opt=READ | {"query": CONNECTIONS_QUERY}, summary="List an asset's connections")
    async def connections(request: AnyRequest, asset_id: FromPath[str]) -> Paged[WireConnection]:
        context, query = _read(request)
        requested_id, requested = read_id(asset_id, "asset_id"), read_connections_request(query)
        return paged(await list_connections(database, context.principal, requested_id, requested))

    @get(ASSET + "/lineage", opt=READ, summary="Get what an asset derives from, and what derives from it")
    async def lineage(request: AnyRequest, asset_id: FromPath[str]) -> Data[Lineage]:
        return Data(await get_lineage(database, principal_of(request.scope), read_id(asset_id, "asset_id")))

    return [connections, lineage]


def _tag_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    @get(ASSET + "/tags", opt=READ, summary="List an asset's tags")
    async def tags(request: AnyRequest, asset_id: FromPath[str]) -> Data[list[AssetTag]]:
        return Data(await list_tags(database, principal_of(request.scope), read_id(asset_id, "asset_id")))

    @put(
        ASSET + "/tags",
        opt=WRITE | {"raises": (Conflict,), "example": {"tags": ["harbour", "1944"]}},
        summary="Add tags to an asset",
    )
    async def add(request: AnyRequest, asset_id: FromPath[str], data: JSONBody[NewTags]) -> Data[list[AssetTag]]:
        requested_id = read_id(asset_id, "asset_id")
        return Data(await add_tags(database, principal_of(request.scope), requested_id, data.tags))

    @delete(ASSET + "/tags/{tag_id:str}", opt=WRITE, status_code=200, summary="Remove a tag from an asset")
    async def remove(request: AnyRequest, asset_id: FromPath[str], tag_id: FromPath[str]) -> Data[None]:
        ids = read_id(asset_id, "asset_id"), read_id(tag_id, "tag_id")
        await remove_tag(database, principal_of(request.scope), *ids)
        return Data(None)

    return [tags, add, remove]


def _action_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    @get(
        ASSET + "/actions",
        opt=READ | {"query": ACTIONS_QUERY},
        summary="List the actions that created an asset or used it as input",
    )
    async def actions(request: AnyRequest, asset_id: FromPath[str]) -> ActionsPage:
        context, query = _read(request)
        requested_id, requested = read_id(asset_id, "asset_id"), read_actions_request(query)
        found = await list_actions(database, context.principal, requested_id, requested.role)
        return ActionsPage(found, Pagination(requested.window.offset, requested.window.limit, 0, False))

    @get(
        ASSET + "/properties",
        opt=READ | {"query": HISTORY_QUERY},
        summary="List the values that routes computed for an asset",
    )
    async def properties(request: AnyRequest, asset_id: FromPath[str]) -> Data[list[dict[str, Any]]]:
        context, query = _read(request)
        read_flag(query, "history")
        return Data(await list_properties(database, context.principal, read_id(asset_id, "asset_id")))

    @get(
        ASSET + "/compatible-routes",
        opt=READ | {"query": window_query()},
        summary="List the routes that accept an asset",
    )
    async def compatible(request: AnyRequest, asset_id: FromPath[str]) -> Paged[dict[str, Any]]:
        context, query = _read(request)
        requested_id, window = read_id(asset_id, "asset_id"), read_window(query)
        return paged(await list_compatible_routes(database, context.principal, requested_id, window))

    return [actions, properties, compatible]


def _read(request: AnyRequest) -> tuple[RequestContext, dict[str, str]]:
    context = request_context(request.scope)
    return context, parse_query(context.scope["query_string"])
