"""HTTP routes of members: `/organizations/{id}/members`."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from hallmarket.server.database.connections import Database
from hallmarket.server.errors import Duplicate, LastAdministrator
from hallmarket.server.http.exchange_dialect import Data, Paged, paged, read_window, window_query
from hallmarket.server.http.parameters import parse_query, read_id
from hallmarket.server.http.request_context import principal_of
from hallmarket.server.identity.authenticate import ApiKeyAuthenticator
from hallmarket.server.identity.members import (
    AddMember,
    ChangeRole,
    Member,
    add_member,
    change_role,
    list_members,
    remove_member,
)

AnyRequest = Request[Any, Any, Any]
READ, WRITE = {"scope": "organizations:read"}, {"scope": "organizations:write"}
ADD = WRITE | {"raises": (Duplicate,), "example": {"username": "jane", "role": "member"}}
CHANGE = WRITE | {"raises": (LastAdministrator,)}
MEMBERS = "/organizations/{organization_id:str}/members"


def member_routes(database: Database, authenticator: ApiKeyAuthenticator) -> Sequence[HTTPRouteHandler]:
    """Return the routes of an organization's members."""

    @get(MEMBERS, opt=READ | {"query": window_query()}, summary="List the members of your organization")
    async def get_members(request: AnyRequest, organization_id: FromPath[str]) -> Paged[Member]:
        requested_id = read_id(organization_id)
        window = read_window(parse_query(request.scope["query_string"]))
        return paged(await list_members(database, principal_of(request.scope), requested_id, window))

    @post(MEMBERS, opt=ADD, status_code=200, summary="Add a member")
    async def add(request: AnyRequest, organization_id: FromPath[str], data: JSONBody[AddMember]) -> Data[Member]:
        requested_id = read_id(organization_id)
        added = await add_member(database, principal_of(request.scope), requested_id, data)
        authenticator.clear_cache()  # it has each person's organizations; the database notifies the other processes
        return Data(added)

    @put(MEMBERS + "/{user:str}", opt=CHANGE, summary="Change a member's role")
    async def change(
        request: AnyRequest, organization_id: FromPath[str], user: FromPath[str], data: JSONBody[ChangeRole]
    ) -> Data[Member]:
        requested_id = read_id(organization_id)
        return Data(await change_role(database, principal_of(request.scope), requested_id, user, data.role))

    @delete(MEMBERS + "/{user:str}", opt=CHANGE, status_code=200, summary="Remove a member, or leave the organization")
    async def remove(request: AnyRequest, organization_id: FromPath[str], user: FromPath[str]) -> Data[None]:
        requested_id = read_id(organization_id)
        await remove_member(database, principal_of(request.scope), requested_id, user)
        authenticator.clear_cache()
        return Data(None)

    return [get_members, add, change, remove]
