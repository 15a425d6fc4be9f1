"""`/organizations/{id}/join` and the requests to: HTTP only."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from hallmarket.server.database.connections import Database
from hallmarket.server.http.exchange_dialect import Data, Paged, read_window, window_query
from hallmarket.server.http.parameters import parse_query, read_id
from hallmarket.server.http.request_context import request_context
from hallmarket.server.identity import join
from hallmarket.server.identity.authenticate import ApiKeyAuthenticator
from hallmarket.server.identity.join import OrganizationRequest
from hallmarket.server.identity.organization_types import Organization

AnyRequest = Request[Any, Any, Any]
READ, WRITE = {"scope": "organizations:read"}, {"scope": "organizations:write"}
REQUESTS = "/organizations/{organization_id:str}/join-requests"


def join_routes(database: Database, authenticator: ApiKeyAuthenticator) -> Sequence[HTTPRouteHandler]:
    """The routes of joining an organization, and of those who ask to."""

    @post(
        "/organizations/{organization_id:str}/join",
        opt=WRITE,
        status_code=200,
        summary="Join an organization, or ask to",
    )
    async def join_organization(request: AnyRequest, organization_id: FromPath[str]) -> Data[Organization]:
        context, where = request_context(request.scope), read_id(organization_id)
        joined = await join.join(database, context.principal, where)
        authenticator.forget()  # whom people belong to: here at once, other servers hear of it from the database
        return Data(joined)

    @get(REQUESTS, opt=READ | {"query": window_query()}, summary="Who asks to join your organization")
    async def list_requests(request: AnyRequest, organization_id: FromPath[str]) -> Paged[OrganizationRequest]:
        context, where = request_context(request.scope), read_id(organization_id)
        window = read_window(parse_query(context.scope["query_string"]))
        return await join.list_requests(database, context.principal, where, window)

    @post(REQUESTS + "/{request_id:str}/approve", opt=WRITE, status_code=200, summary="Let in somebody who asks")
    async def approve(request: AnyRequest, organization_id: FromPath[str], request_id: FromPath[str]) -> Data[None]:
        context, where = request_context(request.scope), read_id(organization_id)
        which = read_id(request_id, "request_id")
        await join.approve(database, context.principal, where, which)
        authenticator.forget()
        return Data(None)

    @post(REQUESTS + "/{request_id:str}/reject", opt=WRITE, status_code=200, summary="Refuse somebody who asks")
    async def reject(request: AnyRequest, organization_id: FromPath[str], request_id: FromPath[str]) -> Data[None]:
        context, where = request_context(request.scope), read_id(organization_id)
        which = read_id(request_id, "request_id")
        await join.reject(database, context.principal, where, which)
        return Data(None)

    return [join_organization, list_requests, approve, reject]
