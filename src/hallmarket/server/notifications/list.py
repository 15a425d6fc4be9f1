"""List and count one's notifications."""

from uuid import UUID

import msgspec

from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.exchange_dialect import Paged, page_of, window_query
from hallmarket.server.http.parameters import FLAG_QUERY, ID_QUERY, read_flag, read_id
from hallmarket.server.notifications.types import CATEGORIES, Notification, Reader, make_notification
from hallmarket.server.paging import Window

sql = load_queries(__package__)
UNREADS_QUERY = {"org_id": ID_QUERY | {"description": "Only of this organization."}}
LIST_QUERY = UNREADS_QUERY | {
    "unread_only": FLAG_QUERY | {"description": "Only those you have not read."},
    "category": {"type": "string", "examples": [next(iter(CATEGORIES))], "description": "Some, separated by commas."},
    **window_query(),
}


class Filters(msgspec.Struct, frozen=True):
    """Which notifications are wanted; None wants all."""

    organization_id: UUID | None
    unread_only: bool
    types: list[str] | None


def read_filters(query: dict[str, str]) -> Filters:
    """`org_id`, `unread_only` and `category` of the query. Raises InvalidRequest naming a bad one."""
    types = None
    if "category" in query:
        named = [name.strip() for name in query["category"].split(",")]
        if any(name not in CATEGORIES for name in named):
            known = ", ".join(CATEGORIES)
            raise InvalidRequest(f"category must be one of {known}, or some of them separated by commas.", "category")
        types = [kind for name in named for kind in CATEGORIES[name]]
    return Filters(read_organization(query), read_flag(query, "unread_only") or False, types)


def read_organization(query: dict[str, str]) -> UUID | None:
    """`org_id` of the query. Raises InvalidRequest for no UUID."""
    return read_id(query["org_id"], "org_id") if "org_id" in query else None


async def list_notifications(
    database: Database, reader: Reader, filters: Filters, window: Window
) -> Paged[Notification]:
    """One page of the reader's notifications, newest first, ties by id. Raises Unavailable."""
    async with database.connection() as connection:
        found = await connection.fetchrow(
            sql.list_notifications,
            *(reader.person_id, reader.bound_to),
            *(filters.organization_id, filters.unread_only, filters.types),
            *(window.offset, window.limit + 1),
        )
        assert found is not None
        ids: Paged[UUID] = page_of(window, found["ids"], lambda one: one, found["total"])
        rows = await connection.fetch(sql.get_notifications, reader.person_id, ids.data)
    return Paged([make_notification(row) for row in rows], ids.pagination)


async def count_unread(database: Database, reader: Reader, organization_id: UUID | None) -> int:
    """How many notifications the reader has not seen, of one organization if one is given. Raises Unavailable."""
    async with database.connection() as connection:
        count = await connection.fetchval(sql.count_unread, reader.person_id, reader.bound_to, organization_id)
    assert isinstance(count, int)
    return count
