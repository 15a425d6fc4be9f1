"""What becomes of versions once the log has entered or refused them."""

from hallmarket.server.database.pool import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.tlog.types import Settlement

sql = load_queries(__package__)


async def settle_versions(tx: Connection, settlement: Settlement) -> None:
    """Mark versions anchored under their checkpoint, or failed; one whose dataset is gone stays gone."""
    if settlement.entered:
        await tx.execute(
            sql.settle_entered,
            [entered.subject_id for entered in settlement.entered],
            [entered.leaf_index for entered in settlement.entered],
            [entered.leaf_hash for entered in settlement.entered],
            settlement.checkpoint_number,
        )
    if settlement.refused:
        await tx.execute(sql.settle_refused, list(settlement.refused))
