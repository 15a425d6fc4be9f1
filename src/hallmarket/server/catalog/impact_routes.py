"""What happens to assets and what they bring about: views, counts, impact; and how much of a plan they use up.
HTTP only."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from hallmarket.server.catalog.impact import (
    IMPACT_QUERY,
    USER_IMPACT_QUERY,
    Counts,
    Impacts,
    UserImpact,
    get_counts,
    get_impact,
    get_user_impact,
)
from hallmarket.server.catalog.plan_usage import get_plan_info
from hallmarket.server.catalog.record_event import record_view
from hallmarket.server.database.connections import Database
from hallmarket.server.http.exchange import Data, read_id
from hallmarket.server.http.paging import read_query
from hallmarket.server.http.request_context import principal_of, request_context
from hallmarket.server.identity.plan import Plan

AnyRequest = Request[Any, Any, Any]
READ, PEOPLE = {"scope": "assets:read"}, {"scope": "users:read"}
ASSET = "/assets/{asset_id:str}"


def impact_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    """The routes of views, counts and impact, also a person's, and of what a person's plan is used up by."""

    @post(ASSET + "/view", opt=READ, status_code=200, summary="Note that you view an asset")
    async def view(request: AnyRequest, asset_id: FromPath[str]) -> Data[None]:
        await record_view(database, principal_of(request.scope), read_id(asset_id, "asset_id"))
        return Data(None)

    @get(ASSET + "/counts", opt=READ, summary="How often an asset was viewed, commented on, downloaded")
    async def counts(request: AnyRequest, asset_id: FromPath[str]) -> Data[Counts]:
        return Data(await get_counts(database, principal_of(request.scope), read_id(asset_id, "asset_id")))

    @get("/assets/impact", opt=READ | {"query": IMPACT_QUERY}, summary="What some assets have brought about")
    async def impact(request: AnyRequest) -> Data[Impacts]:
        context = request_context(request.scope)
        return Data(await get_impact(database, context.principal, read_query(context.scope["query_string"])))

    @get(
        "/users/{username:str}/impact",
        opt=PEOPLE | {"query": USER_IMPACT_QUERY},
        summary="What somebody's assets have brought about",
    )
    async def user_impact(request: AnyRequest, username: FromPath[str]) -> Data[UserImpact]:
        context = request_context(request.scope)
        return Data(
            await get_user_impact(database, context.principal, username, read_query(context.scope["query_string"]))
        )

    @get("/user/plan-info", opt=PEOPLE, summary="What you may use, and what you do")
    async def plan(request: AnyRequest) -> Data[Plan]:
        return Data(await get_plan_info(database, principal_of(request.scope)))

    return [view, counts, impact, user_impact, plan]
