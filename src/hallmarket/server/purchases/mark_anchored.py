"""Mark licences as anchored after the sequencer has processed their entries."""

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.tlog.mark_entries import mark_entries
from hallmarket.server.tlog.types import SequencingResult

sql = load_queries(__package__)


async def mark_licences_anchored(tx: Connection, result: SequencingResult) -> None:
    """Mark licences as anchored, or as failed if their entry was rejected. Both count as bought."""
    await mark_entries(tx, result, sql.mark_anchored, sql.mark_failed)
