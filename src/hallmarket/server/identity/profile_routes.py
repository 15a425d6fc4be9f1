"""HTTP routes of profiles, search and follows: `/user/profile` and `/users/…`."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, get, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from hallmarket.server.database.connections import Database
from hallmarket.server.http.exchange_dialect import MAX_PAGE_SIZE, Data, Paged, paged, read_window, window_query
from hallmarket.server.http.parameters import parse_query
from hallmarket.server.http.request_context import principal_of
from hallmarket.server.identity.authenticate import ApiKeyAuthenticator
from hallmarket.server.identity.follow import Follow, Following, list_follows, toggle_follow
from hallmarket.server.identity.profile import Profile, ProfileChange, change_profile, get_own_profile, get_profile
from hallmarket.server.identity.search import MAX_SEARCH_LENGTH, search_people

AnyRequest = Request[Any, Any, Any]
READ, WRITE = {"scope": "users:read"}, {"scope": "users:write"}
SEARCH_QUERY = {
    "query": {"type": "string", "maxLength": MAX_SEARCH_LENGTH, "description": "A part of a username or name."},
    **window_query(),
}


def profile_routes(database: Database, authenticator: ApiKeyAuthenticator) -> Sequence[HTTPRouteHandler]:
    """Return the routes of profiles, search and follows."""

    @get("/user/profile", opt=READ, summary="Get your profile")
    async def own_profile(request: AnyRequest) -> Data[Profile]:
        return Data(await get_own_profile(database, principal_of(request.scope)))

    @put("/user/profile", opt=WRITE, summary="Change your name or bio")
    async def change(request: AnyRequest, data: JSONBody[ProfileChange]) -> Data[Profile]:
        changed = await change_profile(database, principal_of(request.scope), data.user)
        authenticator.clear_cache()  # it has the name; the database notifies the other processes
        return Data(changed)

    @get("/users/search", opt=READ | {"query": SEARCH_QUERY}, summary="Search people by a part of a username or name")
    async def search(request: AnyRequest) -> Paged[Profile]:
        query = parse_query(request.scope["query_string"])
        text, window = query.get("query", ""), read_window(query)
        return paged(await search_people(database, principal_of(request.scope), text, window))

    @get("/users/{username:str}", opt=READ, summary="Get a person's profile, by username or id")
    async def profile(request: AnyRequest, username: FromPath[str]) -> Data[Profile]:
        return Data(await get_profile(database, principal_of(request.scope), username))

    @put("/users/{username:str}/follow", opt=WRITE, summary="Follow a person, or unfollow them")
    async def follow(request: AnyRequest, username: FromPath[str]) -> Data[Following]:
        return Data(await toggle_follow(database, principal_of(request.scope), username))

    @get(
        "/users/{username:str}/follows",
        opt=READ | {"query": window_query(MAX_PAGE_SIZE)},
        summary="List whom a person follows and who follows them",
    )
    async def follows(request: AnyRequest, username: FromPath[str]) -> Paged[Follow]:
        window = read_window(parse_query(request.scope["query_string"]), default=MAX_PAGE_SIZE)
        return paged(await list_follows(database, username, window))

    return [own_profile, change, search, profile, follow, follows]
