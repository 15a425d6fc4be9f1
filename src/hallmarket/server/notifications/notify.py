"""Tell people of something, in the transaction that does it."""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import msgspec

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries

sql = load_queries(__package__)


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What one person is to be told of."""

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
    """Tell `people`, save the one it comes from, of an event of this `kind` (`follow`, `share`, …)."""
    notices = [
        Notice(
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
    await notify_each(tx, notices)


async def notify_each(tx: Connection, notices: Sequence[Notice]) -> None:
    """Tell people of several events."""
    if notices:
        await tx.execute(
            sql.create_notifications,
            [new_id() for _ in notices],
            [notice.person_id for notice in notices],
            [notice.source_id for notice in notices],
            [notice.organization_id for notice in notices],
            [notice.kind for notice in notices],
            [notice.asset_id for notice in notices],
            [None if notice.content is None else msgspec.json.encode(notice.content).decode() for notice in notices],
        )
