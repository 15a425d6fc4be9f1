"""Mark notifications as read."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import msgspec

from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import NotFound
from hallmarket.server.http.exchange_dialect import MAX_PAGE_SIZE
from hallmarket.server.notifications.types import Notification, Reader, make_notification

sql = load_queries(__package__)


class ReadRequest(msgspec.Struct, frozen=True):
    """The reference's body of `POST /user/notifications/read`."""

    ids: Annotated[list[UUID], msgspec.Meta(max_length=MAX_PAGE_SIZE)]


class ReadAnswer(msgspec.Struct, frozen=True):
    """Which of them are the caller's, and read now."""

    read: list[UUID]


async def read_notification(database: Database, reader: Reader, notification_id: UUID) -> Notification:
    """One notification, read from now on. Raises NotFound for an unknown or foreign id alike, Unavailable."""
    async with database.transaction() as tx:
        marked = await _mark(tx, reader, [notification_id])
        row = await tx.fetchrow(sql.get_notifications, reader.person_id, list(marked))
    if row is None:
        raise NotFound("You have no such notification.")
    return make_notification(row)


async def read_many(database: Database, reader: Reader, ids: Sequence[UUID]) -> ReadAnswer:
    """Mark notifications as read; answers those of the ids that are the reader's, in their order. Raises Unavailable.

    PreparedStatement again it answers the same.
    """
    async with database.connection() as connection:
        marked = await _mark(connection, reader, ids)
    return ReadAnswer([given for given in dict.fromkeys(ids) if given in marked])


async def _mark(connection: Connection, reader: Reader, ids: Sequence[UUID]) -> set[UUID]:
    return {row["id"] for row in await connection.fetch(sql.mark_read, reader.person_id, reader.bound_to, ids)}
