"""Read the audit trail: an organization's, by its administrators; one's own; all of it, on the server's own machine."""

import re
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from hallmarket.server.audit.types import WireEvent, wire_event
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import ApiKeyOrgMismatch, Forbidden, InvalidRequest, NotFound
from hallmarket.server.http.exchange_dialect import Paged, page_of, read_window
from hallmarket.server.http.parameters import read_id, read_time
from hallmarket.server.paging import Window, make_cursor, parse_cursor

sql = load_queries(__package__)

ACTION = re.compile(r"^[a-z-]+\.[a-z-]+$")


class EventFilters(msgspec.Struct, frozen=True):
    """Which events are wanted; None wants all."""

    action: str | None
    actor_id: UUID | None
    subject_id: UUID | None
    since: datetime | None  # inclusive
    until: datetime | None  # exclusive


class EventRequest(msgspec.Struct, frozen=True):
    """Which page is wanted: the one at the window's offset, or the one that follows the row `after`."""

    filters: EventFilters
    window: Window
    after: tuple[datetime, UUID] | None


def read_event_request(query: dict[str, str]) -> EventRequest:
    """Filters, window and cursor of a query. Raises InvalidRequest naming a bad one."""
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


async def list_organization_events(
    database: Database, principal: Any, organization_id: UUID, wanted: EventRequest
) -> Paged[WireEvent]:
    """One page of an organization's events, newest first, for its administrators.

    Raises ApiKeyOrgMismatch if the key is bound elsewhere, NotFound for strangers, Forbidden for other members.
    """
    if principal.bound_to is not None and principal.organization_id != organization_id:
        raise ApiKeyOrgMismatch
    async with database.connection() as connection:
        role = await connection.fetchval(sql.find_role, organization_id, principal.person_id)
        if role is None:
            raise NotFound("There is no such organization.")
        if role != "admin":
            raise Forbidden("Only administrators of the organization may read its audit trail.")
        return await _page(
            connection,
            (sql.count_organization_events, sql.list_organization_events),
            (organization_id, principal.person_id),
            wanted,
        )


async def list_personal_events(database: Database, principal: Any, wanted: EventRequest) -> Paged[WireEvent]:
    """One page of the events that concern the caller and no organization, newest first.

    Raises ApiKeyOrgMismatch if the key is bound to an organization, outside of which it opens nothing.
    """
    if principal.bound_to is not None:
        raise ApiKeyOrgMismatch
    async with database.connection() as connection:
        return await _page(
            connection, (sql.count_personal_events, sql.list_personal_events), (principal.person_id,), wanted
        )


async def list_all_events(
    connection: Connection,
    limit: int,
    organization_id: UUID | None = None,
    action: str | None = None,
    since: datetime | None = None,
) -> list[WireEvent]:
    """The newest events of the whole server; who may open its database may read them."""
    rows = await connection.fetch(sql.list_all_events, organization_id, action, since, limit)
    return [wire_event(row) for row in rows]


async def _page(
    connection: Connection, queries: tuple[str, str], whose: tuple[UUID, ...], wanted: EventRequest
) -> Paged[WireEvent]:
    count, rows_of = queries
    chosen = (*whose, *msgspec.structs.astuple(wanted.filters))
    # Beside a cursor nothing is counted: it is for those who go far, whom counting would cost the most.
    total = await connection.fetchval(count, *chosen) if wanted.after is None else None
    window = wanted.window
    after, after_id = wanted.after or (None, None)
    rows = await connection.fetch(rows_of, *chosen, after, after_id, window.offset, window.limit + 1)
    return page_of(window, rows, wire_event, total, lambda row: make_cursor(row["created_on"], row["id"]))
