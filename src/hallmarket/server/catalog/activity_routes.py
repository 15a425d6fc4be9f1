"""`/teams/…`, as far as assets are concerned: activity and what is unread. HTTP only."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from hallmarket.server.catalog.activity import (
    ACTIVITY_QUERY,
    PREVIEW_ITEMS,
    UNREADS_QUERY,
    PreviewPage,
    UnreadCounts,
    get_unreads,
    list_activity,
    read_asset_type,
)
from hallmarket.server.catalog.types import WireAsset
from hallmarket.server.database.connections import Database
from hallmarket.server.errors import NotFound
from hallmarket.server.http.exchange import Data, Paged, read_id, read_window
from hallmarket.server.http.paging import read_query
from hallmarket.server.http.request_context import request_context

AnyRequest = Request[Any, Any, Any]
READ = {"scope": "teams:read"}
UNREADS = READ | {"query": UNREADS_QUERY, "raises": (NotFound,)}


def activity_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    """The routes of what happens in teams."""

    @get(
        "/teams/{team_id:str}/activity",
        opt=READ | {"query": ACTIVITY_QUERY},
        summary="List a team's assets, newest first",
    )
    async def activity(request: AnyRequest, team_id: FromPath[str]) -> Paged[WireAsset]:
        context = request_context(request.scope)
        query = read_query(context.scope["query_string"])
        wanted, asset_type = read_id(team_id, "team_id"), read_asset_type(query)
        window, sees = read_window(query, PREVIEW_ITEMS), context.method == "GET"  # a HEAD shows nothing
        return await list_activity(database, context.principal, wanted, asset_type, window, sees=sees)

    @get("/teams/unreads", opt=UNREADS, summary="What is new to you in your teams")
    async def unreads(request: AnyRequest) -> Data[UnreadCounts] | PreviewPage:
        context = request_context(request.scope)
        return await get_unreads(database, context.principal, read_query(context.scope["query_string"]))

    return [activity, unreads]
