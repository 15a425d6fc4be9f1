"""HTTP routes of organizations: `/organizations`."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from hallmarket.server.database.connections import Database
from hallmarket.server.errors import Duplicate
from hallmarket.server.http.exchange_dialect import MAX_PAGE_SIZE, Data, Paged, paged, read_window, window_query
from hallmarket.server.http.parameters import parse_query, read_id
from hallmarket.server.http.request_context import principal_of
from hallmarket.server.identity.authenticate import ApiKeyAuthenticator
from hallmarket.server.identity.organizations import (
    create_organization,
    get_current_organization,
    get_organization,
    get_organization_by_name,
    list_discoverable_organizations,
    list_own_organizations,
    update_organization,
)
from hallmarket.server.identity.types import CreateOrganization, Organization, UpdateOrganization
from hallmarket.server.paging import Window

AnyRequest = Request[Any, Any, Any]
READ, WRITE = {"scope": "organizations:read"}, {"scope": "organizations:write"}
PAGED = READ | {"query": window_query(MAX_PAGE_SIZE)}


def organization_routes(database: Database, authenticator: ApiKeyAuthenticator) -> Sequence[HTTPRouteHandler]:
    """Return the routes of organizations."""

    @get("/organizations/user", opt=PAGED, summary="List the organizations you are a member of, by name")
    async def list_own(request: AnyRequest) -> Paged[Organization]:
        return paged(await list_own_organizations(database, principal_of(request.scope), _read_window(request)))

    @get("/organizations/discoverable", opt=PAGED, summary="List public organizations you are not a member of, by name")
    async def list_discoverable(request: AnyRequest) -> Paged[Organization]:
        principal, window = principal_of(request.scope), _read_window(request)
        return paged(await list_discoverable_organizations(database, principal, window))

    @get("/organizations/context", opt=READ, summary="Get the organization that the request acts in")
    async def context(request: AnyRequest) -> Data[Organization]:
        return Data(await get_current_organization(database, principal_of(request.scope)))

    @get("/organizations/by-name/{name:path}", opt=READ, summary="Get an organization by its name")
    async def by_name(request: AnyRequest, name: FromPath[str]) -> Data[Organization]:
        return Data(await get_organization_by_name(database, principal_of(request.scope), name.removeprefix("/")))

    @get("/organizations/{organization_id:str}", opt=READ, summary="Get an organization")
    async def organization(request: AnyRequest, organization_id: FromPath[str]) -> Data[Organization]:
        return Data(await get_organization(database, principal_of(request.scope), read_id(organization_id)))

    @post(
        "/organizations/create",
        opt=WRITE | {"raises": (Duplicate,)},
        status_code=200,
        summary="Create an organization that you administer",
    )
    async def create(request: AnyRequest, data: JSONBody[CreateOrganization]) -> Data[Organization]:
        created = await create_organization(database, principal_of(request.scope), data.organization)
        authenticator.clear_cache()  # it has each person's organizations; the database notifies the other processes
        return Data(created)

    @put("/organizations/{organization_id:str}", opt=WRITE, summary="Change an organization that you administer")
    async def update(
        request: AnyRequest, organization_id: FromPath[str], data: JSONBody[UpdateOrganization]
    ) -> Data[Organization]:
        principal, requested_id = principal_of(request.scope), read_id(organization_id)
        return Data(await update_organization(database, principal, requested_id, data.organization))

    return [list_own, list_discoverable, context, by_name, organization, create, update]


def _read_window(request: AnyRequest) -> Window:
    # The official client requests these lists without a limit and expects all of them, so the default is the maximum.
    return read_window(parse_query(request.scope["query_string"]), MAX_PAGE_SIZE)
