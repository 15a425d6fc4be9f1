"""HTTP routes of views, counters and impact, and of a person's plan usage."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from hallmarket.server.catalog.impact import (
    IMPACT_QUERY,
    USER_IMPACT_QUERY,
    AssetImpact,
    Counts,
    UserImpact,
    get_counts,
    get_user_impact,
    list_impact,
    read_impact_request,
    read_user_impact_request,
)
from hallmarket.server.catalog.plan_usage import get_plan_usage
from hallmarket.server.catalog.record_event import record_view
from hallmarket.server.database.connections import Database
from hallmarket.server.http.exchange_dialect import Data
from hallmarket.server.http.parameters import parse_query, read_id
from hallmarket.server.http.request_context import principal_of, request_context
from hallmarket.server.identity.account_plan import Plan

AnyRequest = Request[Any, Any, Any]
READ, PEOPLE = {"scope": "assets:read"}, {"scope": "users:read"}
ASSET = "/assets/{asset_id:str}"


class Impacts(msgspec.Struct, frozen=True):
    """The impact of several assets."""

    assets: list[AssetImpact]


def impact_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    """Return the routes of views, counters, impact and plan usage."""

    @post(ASSET + "/view", opt=READ, status_code=200, summary="Record that you view an asset")
    async def view(request: AnyRequest, asset_id: FromPath[str]) -> Data[None]:
        await record_view(database, principal_of(request.scope), read_id(asset_id, "asset_id"))
        return Data(None)

    @get(ASSET + "/counts", opt=READ, summary="Get an asset's counters: views, comments, downloads")
    async def counts(request: AnyRequest, asset_id: FromPath[str]) -> Data[Counts]:
        return Data(await get_counts(database, principal_of(request.scope), read_id(asset_id, "asset_id")))

    @get("/assets/impact", opt=READ | {"query": IMPACT_QUERY}, summary="Get the impact of several assets")
    async def impact(request: AnyRequest) -> Data[Impacts]:
        context = request_context(request.scope)
        requested = read_impact_request(parse_query(context.scope["query_string"]))
        return Data(Impacts(await list_impact(database, context.principal, requested)))

    @get(
        "/users/{username:str}/impact",
        opt=PEOPLE | {"query": USER_IMPACT_QUERY},
        summary="Get the impact of a person's assets",
    )
    async def user_impact(request: AnyRequest, username: FromPath[str]) -> Data[UserImpact]:
        context = request_context(request.scope)
        requested = read_user_impact_request(parse_query(context.scope["query_string"]))
        return Data(await get_user_impact(database, context.principal, username, requested))

    @get("/user/plan-info", opt=PEOPLE, summary="Get your plan's limits, and how much of them you use")
    async def plan(request: AnyRequest) -> Data[Plan]:
        return Data(await get_plan_usage(database, principal_of(request.scope)))

    return [view, counts, impact, user_impact, plan]
