"""What becomes of licences once the log has entered or refused their entries."""

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.tlog.settle import settle
from hallmarket.server.tlog.types import Settlement

sql = load_queries(__package__)


async def settle_licences(tx: Connection, settlement: Settlement) -> None:
    """Mark licences anchored under their checkpoint, or failed; they count as bought either way."""
    await settle(tx, settlement, sql.settle_entered, sql.settle_refused)
