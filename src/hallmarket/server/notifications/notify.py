"""Tell people of something, in the transaction that does it."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec

from hallmarket.server.database.ids import new_id
from hallmarket.server.database.pool import Connection
from hallmarket.server.database.sql import load_queries

sql = load_queries(__package__)


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
    told = [person for person in dict.fromkeys(people) if person != source_id]
    if told:
        text = None if content is None else msgspec.json.encode(content).decode()
        ids = [new_id() for _ in told]
        await tx.execute(sql.create_notifications, ids, told, source_id, organization_id, kind, asset_id, text)
