"""Queue a job that joins a dataset's small files, if it has many."""

from hallmarket.server.database.connections import Connection
from hallmarket.server.datasets.types import Head
from hallmarket.server.jobs.enqueue import enqueue
from hallmarket.server.tables.store import count_small_files

COMPACT = "compact-dataset"  # the jobs' kind
MAX_SMALL_FILES = 16  # with fewer small files, a dataset is not worth compacting


async def request_compaction(tx: Connection, head: Head) -> None:
    """Queue the compaction of a dataset if it has many small files and `tx` commits."""
    if count_small_files(head.snapshot) >= MAX_SMALL_FILES:
        await enqueue(tx, COMPACT, str(head.snapshot.table_id))
