"""HTTP routes of team activity and unread assets."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from hallmarket.server.catalog.activity import (
    ACTIVITY_QUERY,
    UNREADS_QUERY,
    UnreadCountsRequest,
    count_unread,
    list_activity,
    list_unread,
    read_activity_request,
    read_unreads_request,
)
from hallmarket.server.catalog.types import AssetRef, WireAsset
from hallmarket.server.database.connections import Database
from hallmarket.server.errors import NotFound
from hallmarket.server.http.exchange_dialect import Data, Paged, Pagination, paged, pagination
from hallmarket.server.http.parameters import parse_query, read_id
from hallmarket.server.http.request_context import request_context

AnyRequest = Request[Any, Any, Any]
READ = {"scope": "teams:read"}
UNREADS = READ | {"query": UNREADS_QUERY, "raises": (NotFound,)}


class UnreadCounts(msgspec.Struct, frozen=True):
    """The number of unread assets in each team, by the team's id."""

    unreads: dict[str, int]


class Preview(msgspec.Struct, frozen=True):
    """The unread assets of one team."""

    team_id: UUID
    unread_count: int
    results: list[AssetRef]


class PreviewPage(msgspec.Struct, frozen=True):
    """One page of a team's unread assets."""

    data: Preview
    pagination: Pagination
    error: None = None


def activity_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    """Return the routes of team activity."""

    @get(
        "/teams/{team_id:str}/activity",
        opt=READ | {"query": ACTIVITY_QUERY},
        summary="List a team's assets, newest first",
    )
    async def activity(request: AnyRequest, team_id: FromPath[str]) -> Paged[WireAsset]:
        context = request_context(request.scope)
        requested_id = read_id(team_id, "team_id")
        requested = read_activity_request(parse_query(context.scope["query_string"]))
        is_get = context.method == "GET"  # a HEAD request shows nothing
        return paged(await list_activity(database, context.principal, requested_id, requested, mark_as_seen=is_get))

    @get("/teams/unreads", opt=UNREADS, summary="Count or list the unread assets in your teams")
    async def unreads(request: AnyRequest) -> Data[UnreadCounts] | PreviewPage:
        context = request_context(request.scope)
        requested = read_unreads_request(parse_query(context.scope["query_string"]))
        if isinstance(requested, UnreadCountsRequest):
            counts = await count_unread(database, context.principal, requested.organization_id)
            return Data(UnreadCounts({str(team_id): unread for team_id, unread in counts.items()}))
        page = await list_unread(database, context.principal, requested.team_id, requested.window)
        return PreviewPage(Preview(requested.team_id, page.total or 0, page.items), pagination(page))

    return [activity, unreads]
