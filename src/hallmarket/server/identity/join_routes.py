"""HTTP routes of joining: `/organizations/{id}/join` and `/organizations/{id}/join-requests`."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from hallmarket.server.database.connections import Database
from hallmarket.server.http.exchange_dialect import Data, Paged, paged, read_window, window_query
from hallmarket.server.http.parameters import parse_query, read_id
from hallmarket.server.http.request_context import principal_of
from hallmarket.server.identity.authenticate import ApiKeyAuthenticator
from hallmarket.server.identity.join import join_organization
from hallmarket.server.identity.join_requests import (
    OrganizationRequest,
    approve_join_request,
    list_join_requests,
    reject_join_request,
)
from hallmarket.server.identity.types import Organization

AnyRequest = Request[Any, Any, Any]
READ, WRITE = {"scope": "organizations:read"}, {"scope": "organizations:write"}
REQUESTS = "/organizations/{organization_id:str}/join-requests"


def join_routes(database: Database, authenticator: ApiKeyAuthenticator) -> Sequence[HTTPRouteHandler]:
    """Return the routes of joining an organization and of requests to join."""

    @post(
        "/organizations/{organization_id:str}/join",
        opt=WRITE,
        status_code=200,
        summary="Join an organization, or request to join it",
    )
    async def join(request: AnyRequest, organization_id: FromPath[str]) -> Data[Organization]:
        joined = await join_organization(database, principal_of(request.scope), read_id(organization_id))
        authenticator.clear_cache()  # it has each person's organizations; the database notifies the other processes
        return Data(joined)

    @get(REQUESTS, opt=READ | {"query": window_query()}, summary="List the requests to join your organization")
    async def get_requests(request: AnyRequest, organization_id: FromPath[str]) -> Paged[OrganizationRequest]:
        requested_id = read_id(organization_id)
        window = read_window(parse_query(request.scope["query_string"]))
        return paged(await list_join_requests(database, principal_of(request.scope), requested_id, window))

    @post(REQUESTS + "/{request_id:str}/approve", opt=WRITE, status_code=200, summary="Approve a request to join")
    async def approve(request: AnyRequest, organization_id: FromPath[str], request_id: FromPath[str]) -> Data[None]:
        ids = read_id(organization_id), read_id(request_id, "request_id")
        await approve_join_request(database, principal_of(request.scope), *ids)
        authenticator.clear_cache()
        return Data(None)

    @post(REQUESTS + "/{request_id:str}/reject", opt=WRITE, status_code=200, summary="Reject a request to join")
    async def reject(request: AnyRequest, organization_id: FromPath[str], request_id: FromPath[str]) -> Data[None]:
        ids = read_id(organization_id), read_id(request_id, "request_id")
        await reject_join_request(database, principal_of(request.scope), *ids)
        return Data(None)

    return [join, get_requests, approve, reject]
