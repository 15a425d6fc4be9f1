"""`/user/…` and `/users/…` of the exchange dialect: profiles, search, follows. HTTP only."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, get, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from hallmarket.server.database.connections import Database
from hallmarket.server.http.exchange_dialect import MAX_PAGE_SIZE, Data, Paged, read_window, window_query
from hallmarket.server.http.parameters import parse_query
from hallmarket.server.http.request_context import principal_of, request_context
from hallmarket.server.identity.authenticate import ApiKeyAuthenticator
from hallmarket.server.identity.follow import Follow, Following, list_follows, toggle_follow
from hallmarket.server.identity.profile import Profile, ProfileChange, change_profile, get_own_profile, get_profile
from hallmarket.server.identity.search import SEARCH_QUERY, search_people

AnyRequest = Request[Any, Any, Any]
READ, WRITE = {"scope": "users:read"}, {"scope": "users:write"}


def people_routes(database: Database, authenticator: ApiKeyAuthenticator) -> Sequence[HTTPRouteHandler]:
    """The routes of people: their profiles, and whom they follow."""

    @get("/user/profile", opt=READ, summary="Your profile")
    async def own_profile(request: AnyRequest) -> Data[Profile]:
        return Data(await get_own_profile(database, principal_of(request.scope).person_id))

    @put("/user/profile", opt=WRITE, summary="Change your name or bio")
    async def change(request: AnyRequest, data: JSONBody[ProfileChange]) -> Data[Profile]:
        return Data(await change_profile(database, authenticator, principal_of(request.scope).person_id, data.user))

    @get("/users/search", opt=READ | {"query": SEARCH_QUERY}, summary="Find people by a part of their username or name")
    async def search(request: AnyRequest) -> Paged[Profile]:
        context = request_context(request.scope)
        query = parse_query(context.scope["query_string"])
        return await search_people(database, context.principal.person_id, query.get("query", ""), read_window(query))

    @get("/users/{username:str}", opt=READ, summary="Somebody's profile, by username or id")
    async def profile(request: AnyRequest, username: FromPath[str]) -> Data[Profile]:
        return Data(await get_profile(database, principal_of(request.scope).person_id, username))

    @put("/users/{username:str}/follow", opt=WRITE, summary="Follow somebody, or cease to")
    async def follow(request: AnyRequest, username: FromPath[str]) -> Data[Following]:
        return Data(await toggle_follow(database, principal_of(request.scope).person_id, username))

    @get(
        "/users/{username:str}/follows",
        opt=READ | {"query": window_query(MAX_PAGE_SIZE)},
        summary="Whom somebody follows, and who follows them",
    )
    async def follows(request: AnyRequest, username: FromPath[str]) -> Paged[Follow]:
        window = read_window(parse_query(request.scope["query_string"]), default=MAX_PAGE_SIZE)
        return await list_follows(database, username, window)

    return [own_profile, change, search, profile, follow, follows]
