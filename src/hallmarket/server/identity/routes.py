"""HTTP routes: `/v1/users`, `/users/get-token` and `/user`."""

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
from hallmarket.server.http.request_context import principal_of, request_context
from hallmarket.server.identity.fast_routes import ME_PATH, ME_SCOPE
from hallmarket.server.identity.get_token import TokenRequest, TokenResponse, issue_token
from hallmarket.server.identity.profile import get_me
from hallmarket.server.identity.tokens import Tokens
from hallmarket.server.identity.types import Me, WireUser
from hallmarket.server.identity.users import list_users

AnyRequest = Request[Any, Any, Any]
INVALID_KEY = {"message": "This API key is unknown, expired or revoked.", "code": "unauthenticated", "status": 401}


def identity_routes(database: Database, tokens: Tokens, admission: Admission) -> Sequence[HTTPRouteHandler]:
    """Return the routes of users and tokens."""

    @get(
        "/v1/users",
        opt={"scope": "users:read", "query": PAGE_QUERY},
        summary="List the users of your organization, newest first",
    )
    async def get_users(request: AnyRequest) -> Page[WireUser]:
        page = read_page(parse_query(request.scope["query_string"]))
        return await list_users(database, principal_of(request.scope), page)

    @post(
        "/users/get-token",
        status_code=200,
        summary="Exchange an API key for a token that is valid for an hour",
        cache_control=CacheControlHeader(no_store=True),
    )
    async def get_token(request: AnyRequest, data: JSONBody[TokenRequest]) -> TokenResponse:
        principal = await admission.find_by_key(request_context(request.scope), data.pat)
        # The reference requires status 200 for an invalid key, too.
        return TokenResponse(error=INVALID_KEY) if principal is None else issue_token(tokens, principal)

    @get(ME_PATH, opt={"scope": ME_SCOPE}, summary="Get the user of the token")
    async def me(request: AnyRequest) -> Data[Me]:
        return Data(get_me(principal_of(request.scope)))

    return [get_users, get_token, me]
