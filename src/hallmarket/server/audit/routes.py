"""HTTP routes of the audit trail: `/organizations/{id}/audit` and `/user/audit`."""

import re
from collections.abc import Sequence
from typing import Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from hallmarket.server.audit.read import EventFilters, EventRequest, list_organization_events, list_personal_events
from hallmarket.server.audit.types import WireEvent
from hallmarket.server.database.connections import Database
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.exchange_dialect import Paged, paged, read_window, window_query
from hallmarket.server.http.parameters import ID_QUERY, parse_query, read_id, read_time
from hallmarket.server.http.request_context import principal_of
from hallmarket.server.paging import Window, parse_cursor

AnyRequest = Request[Any, Any, Any]
ACTION = re.compile(r"^[a-z-]+\.[a-z-]+$")
TIME = {"type": "string", "examples": ["2027-01-31T12:00:00Z"]}
QUERY = {
    "action": {
        "type": "string",
        "pattern": ACTION.pattern,
        "examples": ["key.create"],
        "description": "Only events of this kind.",
    },
    "actor": ID_QUERY | {"description": "Only events that this person caused."},
    "subject": ID_QUERY | {"description": "Only events that concern this person or thing."},
    "since": TIME | {"description": "Only events from this ISO 8601 date or time on."},
    "until": TIME | {"description": "Only events before this ISO 8601 date or time."},
    **window_query(),
    "cursor": {"type": "string", "description": "Continue after an earlier page: `cursor` of its `nextCursor`."},
}
READ = {"scope": "audit:read", "query": QUERY}


def audit_routes(database: Database) -> Sequence[HTTPRouteHandler]:
    """Return the routes of the audit trail."""

    @get(
        "/organizations/{organization_id:str}/audit",
        opt=READ,
        tags=["Audit trail"],
        summary="List the events of an organization, newest first",
    )
    async def organization_audit(request: AnyRequest, organization_id: FromPath[str]) -> Paged[WireEvent]:
        requested = _read_request(request)
        principal = principal_of(request.scope)
        return paged(await list_organization_events(database, principal, read_id(organization_id), requested))

    @get("/user/audit", opt=READ, summary="List the events that concern you and no organization, newest first")
    async def own_audit(request: AnyRequest) -> Paged[WireEvent]:
        return paged(await list_personal_events(database, principal_of(request.scope), _read_request(request)))

    return [organization_audit, own_audit]


def _read_request(request: AnyRequest) -> EventRequest:
    query = parse_query(request.scope["query_string"])
    action = query.get("action")
    if action is not None and not ACTION.fullmatch(action):
        raise InvalidRequest("action must be a noun and a verb, such as key.create.", "action")
    actor_id, subject_id = (read_id(query[name], name) if name in query else None for name in ("actor", "subject"))
    since, until = read_time(query, "since"), read_time(query, "until")
    window = read_window(query)
    after = parse_cursor(query["cursor"]) if "cursor" in query else None
    return EventRequest(
        EventFilters(action, actor_id, subject_id, since, until),
        window if after is None else Window(0, window.limit),
        after,
    )
