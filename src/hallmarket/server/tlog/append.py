"""Append entries to the log: queue them in the caller's transaction for the sequencer."""

from collections.abc import Sequence
from uuid import UUID

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries

sql = load_queries(__package__)


async def append(tx: Connection, kind: str, entries: Sequence[tuple[UUID, bytes]]) -> None:
    """Queue entries, each with the id of its subject. They are sequenced if `tx` commits."""
    if entries:
        await tx.execute(sql.append, kind, [subject for subject, _ in entries], [entry for _, entry in entries])
