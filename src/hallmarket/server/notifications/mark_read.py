"""Mark notifications as read."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import msgspec

from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import NotFound
from hallmarket.server.notifications.types import Notification, make_notification
from hallmarket.server.principal import Principal

sql = load_queries(__package__)

MAX_IDS = 200


class ReadRequest(msgspec.Struct, frozen=True):
    """The reference's body of `POST /user/notifications/read`."""

    ids: Annotated[list[UUID], msgspec.Meta(max_length=MAX_IDS)]


class ReadResult(msgspec.Struct, frozen=True):
    """The requested ids that are the caller's notifications. All of them are read now."""

    read: list[UUID]


async def read_notification(database: Database, principal: Principal, notification_id: UUID) -> Notification:
    """Mark one notification as read and return it. Raises NotFound if the caller has no such one, Unavailable."""
    async with database.transaction() as tx:
        marked = await _mark_read(tx, principal, [notification_id])
        row = await tx.fetchrow(sql.get_notifications, principal.person_id, list(marked))
    if row is None:
        raise NotFound("You have no such notification.")
    return make_notification(row)


async def mark_read(database: Database, principal: Principal, ids: Sequence[UUID]) -> ReadResult:
    """Mark notifications as read. Returns the ids that are the caller's, in the given order. Raises Unavailable.

    Calling it again returns the same.
    """
    async with database.connection() as connection:
        marked = await _mark_read(connection, principal, ids)
    return ReadResult([notification_id for notification_id in dict.fromkeys(ids) if notification_id in marked])


async def _mark_read(connection: Connection, principal: Principal, ids: Sequence[UUID]) -> set[UUID]:
    return {row["id"] for row in await connection.fetch(sql.mark_read, principal.person_id, principal.bound_to, ids)}
