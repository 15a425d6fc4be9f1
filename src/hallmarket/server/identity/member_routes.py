"""`/organizations/{id}/members`: HTTP only."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from hallmarket.server.database.connections import Database
from hallmarket.server.errors import Duplicate, LastAdministrator
from hallmarket.server.http.exchange_dialect import Data, Paged, read_window, window_query
from hallmarket.server.http.parameters import parse_query, read_id
from hallmarket.server.http.request_context import principal_of, request_context
from hallmarket.server.identity import members
from hallmarket.server.identity.authenticate import ApiKeyAuthenticator
from hallmarket.server.identity.members import AddMember, ChangeRole, Member

AnyRequest = Request[Any, Any, Any]
READ, WRITE = {"scope": "organizations:read"}, {"scope": "organizations:write"}
NEW = {"raises": (Duplicate,), "example": {"username": "jane", "role": "member"}}
LAST = {"raises": (LastAdministrator,)}


def member_routes(database: Database, authenticator: ApiKeyAuthenticator) -> Sequence[HTTPRouteHandler]:
    """The routes of who belongs to an organization."""

    @get(
        "/organizations/{organization_id:str}/members",
        opt=READ | {"query": window_query()},
        summary="Who belongs to your organization",
    )
    async def list_members(request: AnyRequest, organization_id: FromPath[str]) -> Paged[Member]:
        where = read_id(organization_id)
        window = read_window(parse_query(request_context(request.scope).scope["query_string"]))
        return await members.list_members(database, _caller(request), where, window)

    @post(
        "/organizations/{organization_id:str}/members",
        opt=WRITE | NEW,
        status_code=200,
        summary="Add a member",
    )
    async def add_member(
        request: AnyRequest, organization_id: FromPath[str], data: JSONBody[AddMember]
    ) -> Data[Member]:
        where = read_id(organization_id)
        added = await members.add(database, _caller(request), where, data)
        authenticator.forget()  # whom people belong to: here at once, other servers hear of it from the database
        return Data(added)

    @put("/organizations/{organization_id:str}/members/{user:str}", opt=WRITE | LAST, summary="Change a member's role")
    async def change_role(
        request: AnyRequest, organization_id: FromPath[str], user: FromPath[str], data: JSONBody[ChangeRole]
    ) -> Data[Member]:
        where = read_id(organization_id)
        return Data(await members.change_role(database, _caller(request), where, user, data.role))

    @delete(
        "/organizations/{organization_id:str}/members/{user:str}",
        opt=WRITE | LAST,
        status_code=200,
        summary="Remove a member, or leave",
    )
    async def remove_member(request: AnyRequest, organization_id: FromPath[str], user: FromPath[str]) -> Data[None]:
        where = read_id(organization_id)
        await members.remove(database, _caller(request), where, user)
        authenticator.forget()
        return Data(None)

    return [list_members, add_member, change_role, remove_member]


def _caller(request: AnyRequest) -> Any:
    return principal_of(request.scope)
