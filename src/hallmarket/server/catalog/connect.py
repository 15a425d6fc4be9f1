"""Connections between assets: what one mentions, comments on, refers to or is made of."""

from collections.abc import Iterable
from typing import Literal
from uuid import UUID

from hallmarket.server.catalog.access import sql
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.ids import new_id

ConnectionType = Literal["comment", "reference", "mention", "action", "component", "link", "completion"]


async def set_connections(
    tx: Connection, kind: ConnectionType, source_id: UUID, targets: Iterable[UUID], creator_id: UUID
) -> None:
    """Make these the connections of a kind from an asset; ones to assets that are not there are left out."""
    wanted = list(dict.fromkeys(targets))
    await tx.execute(sql.disconnect, source_id, kind, wanted)
    if wanted:
        await tx.execute(sql.connect, [new_id() for _ in wanted], kind, source_id, wanted, creator_id)
