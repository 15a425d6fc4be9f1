"""`/organizations/{organizationId}/audit` and `/user/audit`: HTTP only."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from hallmarket.server.audit.read import ACTION, list_organization_events, list_personal_events, read_event_request
from hallmarket.server.audit.types import WireEvent
from hallmarket.server.database.connections import Database
from hallmarket.server.http.exchange_dialect import Paged, window_query
from hallmarket.server.http.parameters import ID_QUERY, parse_query, read_id
from hallmarket.server.http.request_context import request_context

AnyRequest = Request[Any, Any, Any]
TIME = {"type": "string", "examples": ["2027-01-31T12:00:00Z"]}
QUERY = {
    "action": {
        "type": "string",
        "pattern": ACTION.pattern,
        "examples": ["key.create"],
        "description": "Only this kind.",
    },
    "actor": ID_QUERY | {"description": "Only what this person did."},
    "subject": ID_QUERY | {"description": "Only what was done to this person or thing."},
    "since": TIME | {"description": "From this ISO 8601 date or time on."},
    "until": TIME | {"description": "Before this ISO 8601 date or time."},
    **window_query(),
    "cursor": {"type": "string", "description": "Go on after an earlier page: `cursor` of its `nextCursor`."},
}
READ = {"scope": "audit:read", "query": QUERY}


def audit_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    """The routes of the audit trail."""

    @get(
        "/organizations/{organization_id:str}/audit",
        opt=READ,
        tags=["Audit trail"],
        summary="What was done in an organization",
    )
    async def organization_audit(request: AnyRequest, organization_id: FromPath[str]) -> Paged[WireEvent]:
        context = request_context(request.scope)
        wanted = read_event_request(parse_query(context.scope["query_string"]))
        return await list_organization_events(database, context.principal, read_id(organization_id), wanted)

    @get("/user/audit", opt=READ, summary="What was done to you outside of any organization")
    async def own_audit(request: AnyRequest) -> Paged[WireEvent]:
        context = request_context(request.scope)
        return await list_personal_events(
            database, context.principal, read_event_request(parse_query(context.scope["query_string"]))
        )

    return [organization_audit, own_audit]
