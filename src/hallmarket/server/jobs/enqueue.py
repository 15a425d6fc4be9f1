"""Enqueue background jobs."""

from typing import Any

import msgspec

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries

sql = load_queries(__package__)


async def enqueue(tx: Connection, kind: str, payload: Any) -> None:
    """Enqueue a job that runs at least once if `tx` commits. `payload` is any value that msgspec can encode as JSON.

    This is our own statement because importing the library's would cost every worker 12 MB of memory.
    """
    await tx.execute(sql.enqueue, kind, msgspec.json.encode(payload))
