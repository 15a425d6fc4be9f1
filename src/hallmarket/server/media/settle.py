"""What becomes of media once the log has entered or refused them."""

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.tlog.settle import settle
from hallmarket.server.tlog.types import Settlement

sql = load_queries(__package__)


async def settle_media(tx: Connection, settlement: Settlement) -> None:
    """Mark media anchored under their checkpoint, or failed; a failed one gives its hash free to be anchored again."""
    await settle(tx, settlement, sql.settle_entered, sql.settle_refused)
