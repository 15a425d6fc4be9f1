"""Update the rows of a room after the sequencer has processed their entries."""

from hallmarket.server.database.connections import Connection
from hallmarket.server.tlog.types import SequencingResult


async def mark_entries(tx: Connection, result: SequencingResult, mark_anchored: str, mark_failed: str) -> None:
    """Run the room's SQL statements for the sequenced and the rejected entries. An empty group is skipped.

    `mark_anchored` gets subject ids, leaf indexes, leaf hashes and the checkpoint's number. `mark_failed` gets subject
    ids.
    """
    if result.sequenced:
        await tx.execute(
            mark_anchored,
            [entry.subject_id for entry in result.sequenced],
            [entry.leaf_index for entry in result.sequenced],
            [entry.leaf_hash for entry in result.sequenced],
            result.checkpoint_number,
        )
    if result.rejected:
        await tx.execute(mark_failed, list(result.rejected))
