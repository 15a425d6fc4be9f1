"""List and count the caller's notifications."""

from uuid import UUID

import msgspec

from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.notifications.types import Notification, make_notification
from hallmarket.server.paging import Page, Window, make_page
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


class NotificationFilters(msgspec.Struct, frozen=True):
    """Which notifications to list. None selects all; the zero UUID selects those of no organization."""

    organization_id: UUID | None = None
    unread_only: bool = False
    types: list[str] | None = None


async def list_notifications(
    database: Database, principal: Principal, filters: NotificationFilters, window: Window
) -> Page[Notification]:
    """List the caller's notifications, newest first, ties by id. Raises Unavailable."""
    async with database.connection() as connection:
        found = await connection.fetchrow(
            sql.list_notifications,
            *(principal.person_id, principal.bound_to),
            *(filters.organization_id, filters.unread_only, filters.types),
            *(window.offset, window.limit + 1),
        )
        assert found is not None
        ids: Page[UUID] = make_page(window, found["ids"], lambda notification_id: notification_id, found["total"])
        rows = await connection.fetch(sql.get_notifications, principal.person_id, ids.items)
    return Page([make_notification(row) for row in rows], window, ids.has_more, ids.total)


async def count_unread(database: Database, principal: Principal, organization_id: UUID | None = None) -> int:
    """Count the caller's unread notifications, all or those of one organization. Raises Unavailable."""
    async with database.connection() as connection:
        count = await connection.fetchval(sql.count_unread, principal.person_id, principal.bound_to, organization_id)
    assert isinstance(count, int)
    return count
