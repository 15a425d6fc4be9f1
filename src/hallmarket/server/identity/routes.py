"""`/v1/users`: HTTP only."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler

from hallmarket.server.database.pool import Database
from hallmarket.server.http.admission import require_caller
from hallmarket.server.http.paging import Page, read_page, read_query
from hallmarket.server.http.visit import visit_of
from hallmarket.server.identity.people import list_people
from hallmarket.server.identity.types import WireUser


def identity_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    """The routes of people."""

    @get("/v1/users", summary="List the users of your organization, newest first")
    async def list_users(request: Request[Any, Any, Any]) -> Page[WireUser]:
        visit = visit_of(request.scope)
        require_caller(visit, "users:read")
        return await list_people(
            database, visit.caller.organization_id, read_page(read_query(visit.scope["query_string"]))
        )

    return [list_users]
