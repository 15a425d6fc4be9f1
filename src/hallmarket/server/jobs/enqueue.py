"""Ask for work to be done later."""

from typing import Any

import msgspec

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries

sql = load_queries(__package__)


async def enqueue(tx: Connection, kind: str, payload: Any) -> None:
    """Have work of a `kind` done, soon and at least once, if `tx` commits; `payload` is what msgspec can write.

    Not by the library, which would cost every worker twelve megabytes for one statement.
    """
    await tx.execute(sql.enqueue, kind, msgspec.json.encode(payload))
