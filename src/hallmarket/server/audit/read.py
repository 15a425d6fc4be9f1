"""Read the audit trail: an organization's, a person's own, or all of it as the operator."""

from datetime import datetime
from uuid import UUID

import msgspec

from hallmarket.server.audit.types import OperatorEvent, WireEvent, operator_event, wire_event
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Forbidden, NotFound
from hallmarket.server.paging import Page, Window, make_cursor, make_page
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


class EventFilters(msgspec.Struct, frozen=True):
    """Which events to list. None selects all."""

    action: str | None = None
    actor_id: UUID | None = None
    subject_id: UUID | None = None
    since: datetime | None = None  # inclusive
    until: datetime | None = None  # exclusive


class EventRequest(msgspec.Struct, frozen=True):
    """The requested page: the one at the window's offset, or the one after the row `after` (its time and id)."""

    filters: EventFilters
    window: Window
    after: tuple[datetime, UUID] | None = None


async def list_organization_events(
    database: Database, principal: Principal, organization_id: UUID, request: EventRequest
) -> Page[WireEvent]:
    """List the events of an organization that the caller administers, newest first.

    Raises ApiKeyOrgMismatch if the credential is bound to another organization, NotFound if the caller is not a member,
    Forbidden if they are not an administrator, Unavailable.
    """
    person_id = principal.person_id
    principal.require_organization(organization_id)
    async with database.connection() as connection:
        role = await connection.fetchval(sql.find_role, organization_id, person_id)
        if role is None:
            raise NotFound("There is no such organization.")
        if role != "admin":
            raise Forbidden("Only administrators of the organization may read its audit trail.")
        queries = (sql.count_organization_events, sql.list_organization_events)
        return await _read_page(connection, queries, (organization_id, person_id), request)


async def list_personal_events(database: Database, principal: Principal, request: EventRequest) -> Page[WireEvent]:
    """List the events that concern the caller and no organization, newest first.

    Raises ApiKeyOrgMismatch if the credential is bound to an organization, Unavailable.
    """
    person_id = principal.person_id
    principal.require_organization(None)
    async with database.connection() as connection:
        queries = (sql.count_personal_events, sql.list_personal_events)
        return await _read_page(connection, queries, (person_id,), request)


async def list_all_events(
    connection: Connection,
    limit: int,
    organization_id: UUID | None = None,
    action: str | None = None,
    since: datetime | None = None,
) -> list[OperatorEvent]:
    """List the newest events of the whole server, as the operator."""
    rows = await connection.fetch(sql.list_all_events, organization_id, action, since, limit)
    return [operator_event(row) for row in rows]


async def _read_page(
    connection: Connection, queries: tuple[str, str], scope: tuple[UUID, ...], request: EventRequest
) -> Page[WireEvent]:
    count_query, list_query = queries
    filters = (*scope, *msgspec.structs.astuple(request.filters))
    # With a cursor the events are not counted. Cursors are for deep pages, for which counting would cost the most.
    total = await connection.fetchval(count_query, *filters) if request.after is None else None
    window = request.window
    after, after_id = request.after or (None, None)
    rows = await connection.fetch(list_query, *filters, after, after_id, window.offset, window.limit + 1)
    return make_page(window, rows, wire_event, total, lambda row: make_cursor(row["created_on"], row["id"]))
