"""Create notifications, in the transaction of the event that they report."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries

sql = load_queries(__package__)


class NewNotification(msgspec.Struct, frozen=True, kw_only=True):
    """A notification to create for one person."""

    person_id: UUID
    kind: str
    source_id: UUID | None = None
    organization_id: UUID | None = None
    asset_id: UUID | None = None
    content: dict[str, Any] | None = None


async def notify(
    tx: Connection,
    kind: str,
    people: Iterable[UUID],
    *,
    source_id: UUID | None = None,
    organization_id: UUID | None = None,
    asset_id: UUID | None = None,
    content: dict[str, Any] | None = None,
) -> None:
    """Notify people, except the source, of an event of this `kind` (`follow`, `share`, …)."""
    notifications = [
        NewNotification(
            person_id=person_id,
            kind=kind,
            source_id=source_id,
            organization_id=organization_id,
            asset_id=asset_id,
            content=content,
        )
        for person_id in dict.fromkeys(people)
        if person_id != source_id
    ]
    await create_notifications(tx, notifications)


async def create_notifications(tx: Connection, notifications: Sequence[NewNotification]) -> None:
    """Create several notifications in one statement."""
    if notifications:
        await tx.execute(
            sql.create_notifications,
            [new_id() for _ in notifications],
            [notification.person_id for notification in notifications],
            [notification.source_id for notification in notifications],
            [notification.organization_id for notification in notifications],
            [notification.kind for notification in notifications],
            [notification.asset_id for notification in notifications],
            [_encode(notification.content) for notification in notifications],
        )


def _encode(content: dict[str, Any] | None) -> str | None:
    return None if content is None else msgspec.json.encode(content).decode()
