"""`/teams`: HTTP only."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler

from hallmarket.server.database.pool import Database
from hallmarket.server.http.exchange import Paged, read_window
from hallmarket.server.http.paging import read_query
from hallmarket.server.http.visit import visit_of
from hallmarket.server.teams.list import list_teams, read_filters
from hallmarket.server.teams.types import WireTeam

AnyRequest = Request[Any, Any, Any]


def teams_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    """The routes of teams."""

    @get("/teams", opt={"scope": "teams:read"}, summary="List the teams you may see")
    async def get_teams(request: AnyRequest) -> Paged[WireTeam]:
        visit = visit_of(request.scope)
        query = read_query(visit.scope["query_string"])
        return await list_teams(database, visit.caller, read_filters(query, visit.caller), read_window(query, 200))

    return [get_teams]
