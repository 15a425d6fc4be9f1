"""`/organizations`: HTTP only."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from hallmarket.server.database.connections import Database
from hallmarket.server.errors import Duplicate
from hallmarket.server.http.exchange_dialect import MAX_PAGE_SIZE, Data, Paged, read_window, window_query
from hallmarket.server.http.parameters import parse_query, read_id
from hallmarket.server.http.request_context import principal_of, request_context
from hallmarket.server.identity import organizations
from hallmarket.server.identity.authenticate import ApiKeyAuthenticator
from hallmarket.server.identity.organization_types import CreateOrganization, Organization, UpdateOrganization
from hallmarket.server.paging import Window

AnyRequest = Request[Any, Any, Any]
READ, WRITE = {"scope": "organizations:read"}, {"scope": "organizations:write"}
PAGED = READ | {"query": window_query(MAX_PAGE_SIZE)}


def organization_routes(database: Database, authenticator: ApiKeyAuthenticator) -> Sequence[HTTPRouteHandler]:
    """The routes of organizations."""

    @get("/organizations/user", opt=PAGED, summary="The organizations you belong to, by name")
    async def list_own(request: AnyRequest) -> Paged[Organization]:
        return await organizations.list_own(database, _caller(request), _window(request))

    @get("/organizations/discoverable", opt=PAGED, summary="Public organizations you do not belong to, by name")
    async def list_discoverable(request: AnyRequest) -> Paged[Organization]:
        return await organizations.list_discoverable(database, _caller(request), _window(request))

    @get("/organizations/context", opt=READ, summary="The organization this request runs in")
    async def context(request: AnyRequest) -> Data[Organization]:
        return Data(await organizations.get_context(database, _caller(request)))

    @get("/organizations/by-name/{name:path}", opt=READ, summary="One organization, by its name")
    async def by_name(request: AnyRequest, name: FromPath[str]) -> Data[Organization]:
        return Data(await organizations.find_by_name(database, _caller(request), name.removeprefix("/")))

    @get("/organizations/{organization_id:str}", opt=READ, summary="One organization")
    async def organization(request: AnyRequest, organization_id: FromPath[str]) -> Data[Organization]:
        return Data(await organizations.get_organization(database, _caller(request), read_id(organization_id)))

    @post(
        "/organizations/create",
        opt=WRITE | {"raises": (Duplicate,)},
        status_code=200,
        summary="Make an organization that you administer",
    )
    async def create(request: AnyRequest, data: JSONBody[CreateOrganization]) -> Data[Organization]:
        made = await organizations.create(database, _caller(request), data.organization)
        authenticator.forget()  # whom people belong to: here at once, other servers hear of it from the database
        return Data(made)

    @put("/organizations/{organization_id:str}", opt=WRITE, summary="Change an organization you administer")
    async def update(
        request: AnyRequest, organization_id: FromPath[str], data: JSONBody[UpdateOrganization]
    ) -> Data[Organization]:
        where = read_id(organization_id)
        return Data(await organizations.update(database, _caller(request), where, data.organization))

    return [list_own, list_discoverable, context, by_name, organization, create, update]


def _caller(request: AnyRequest) -> Any:
    return principal_of(request.scope)


def _window(request: AnyRequest) -> Window:
    # The client takes its two lists without paging, so a page is as long as may be unless it is asked for shorter.
    return read_window(parse_query(request_context(request.scope).scope["query_string"]), MAX_PAGE_SIZE)
