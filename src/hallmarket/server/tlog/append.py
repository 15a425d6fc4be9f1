"""Append entries to the log: queued inside the caller's transaction, entered by the sequencer once that commits."""

from collections.abc import Sequence
from uuid import UUID

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries

sql = load_queries(__package__)


async def append(tx: Connection, kind: str, entries: Sequence[tuple[UUID, bytes]]) -> None:
    """Queue entries, each with the id of the thing it is about; they commit or vanish with `tx`."""
    if entries:
        await tx.execute(sql.append, kind, [subject for subject, _ in entries], [entry for _, entry in entries])
