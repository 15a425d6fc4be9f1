"""`/v1/users`, and the exchange dialect's beginning, `/users/get-token` and `/user`: HTTP only."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, get, post
from litestar.datastructures import CacheControlHeader
from litestar.handlers import HTTPRouteHandler
from litestar.params import JSONBody

from hallmarket.server.database.connections import Database
from hallmarket.server.http.admission import Admission
from hallmarket.server.http.exchange_dialect import Data
from hallmarket.server.http.media_dialect import PAGE_QUERY, Page, read_page
from hallmarket.server.http.parameters import parse_query
from hallmarket.server.http.request_context import request_context
from hallmarket.server.identity.fast_routes import ME_PATH, ME_SCOPE, get_me
from hallmarket.server.identity.people import list_people
from hallmarket.server.identity.session import TokenAnswer, TokenRequest, make_answer
from hallmarket.server.identity.tokens import Tokens
from hallmarket.server.identity.types import Me, WireUser

AnyRequest = Request[Any, Any, Any]
BAD_KEY = {"message": "This API key is unknown, expired or revoked.", "code": "unauthenticated", "status": 401}


def identity_routes(database: Database, tokens: Tokens, admission: Admission) -> Sequence[HTTPRouteHandler]:
    """The routes of people and their tokens."""

    @get(
        "/v1/users",
        opt={"scope": "users:read", "query": PAGE_QUERY},
        summary="List the users of your organization, newest first",
    )
    async def list_users(request: AnyRequest) -> Page[WireUser]:
        context = request_context(request.scope)
        return await list_people(database, context.principal, read_page(parse_query(context.scope["query_string"])))

    @post(
        "/users/get-token",
        status_code=200,
        summary="Exchange an API key for a token that lives an hour",
        cache_control=CacheControlHeader(no_store=True),
    )
    async def exchange_key(request: AnyRequest, data: JSONBody[TokenRequest]) -> TokenAnswer:
        principal = await admission.find_by_key(request_context(request.scope), data.pat)
        # A bad key is answered with 200, as the reference has it.
        return TokenAnswer(error=BAD_KEY) if principal is None else make_answer(tokens, principal)

    @get(ME_PATH, opt={"scope": ME_SCOPE}, summary="Who you are")
    async def me(request: AnyRequest) -> Data[Me]:
        return get_me(request_context(request.scope))

    return [list_users, exchange_key, me]
