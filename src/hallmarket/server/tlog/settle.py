"""Tell a room's rows what became of their entries."""

from hallmarket.server.database.connections import Connection
from hallmarket.server.tlog.types import Settlement


async def settle(tx: Connection, settlement: Settlement, mark_entered: str, mark_refused: str) -> None:
    """Run the room's two statements, each if there is something for it.

    `mark_entered` gets ids, leaf indexes, leaf hashes and the checkpoint's number; `mark_refused` gets ids.
    """
    if settlement.entered:
        await tx.execute(
            mark_entered,
            [entered.subject_id for entered in settlement.entered],
            [entered.leaf_index for entered in settlement.entered],
            [entered.leaf_hash for entered in settlement.entered],
            settlement.checkpoint_number,
        )
    if settlement.refused:
        await tx.execute(mark_refused, list(settlement.refused))
