"""Ask for a dataset's small files to be joined, where there are many."""

from hallmarket.server.database.connections import Connection
from hallmarket.server.datasets.types import Head
from hallmarket.server.jobs.enqueue import enqueue
from hallmarket.server.tables.store import small_files

COMPACT = "compact-dataset"  # the kind of its jobs
MAX_SMALL_FILES = 16  # small files that a dataset may have before they are worth joining


async def ask_to_compact(tx: Connection, head: Head) -> None:
    """Have a dataset's small files joined later, if there are many, and `tx` commits."""
    if small_files(head.snapshot) >= MAX_SMALL_FILES:
        await enqueue(tx, COMPACT, str(head.snapshot.table_id))
