"""Background job: join the small files of a dataset."""

from contextlib import suppress
from uuid import UUID

import msgspec
import structlog

from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.request_compaction import MAX_SMALL_FILES
from hallmarket.server.datasets.thread_pool import run_in_thread
from hallmarket.server.datasets.write_lease import save_head, write_lease
from hallmarket.server.errors import NotFound
from hallmarket.server.tables.store import TableStore, count_small_files

log = structlog.get_logger()


async def compact_dataset(database: Database, tables: TableStore, payload: bytes) -> None:
    """Join the small files of a dataset's head, sorted by its newest index. Rows and existing versions do not change.

    The next version consists of the new files. Raises Conflict if others write for a minute, Unavailable.
    """
    dataset_id = UUID(msgspec.json.decode(payload, type=str))
    with suppress(NotFound):  # the dataset was deleted in the meantime
        async with write_lease(database, dataset_id) as (writer_id, head):
            if count_small_files(head.snapshot) < MAX_SMALL_FILES:
                return
            compacted = head.with_snapshot(await run_in_thread(tables.compact, head.snapshot, head.order))
            async with database.transaction() as tx:
                await save_head(tx, writer_id, compacted, head.pending_author_id)


async def log_failed_compaction(payload: bytes, reason: str) -> None:
    """Log that a dataset keeps its small files because they could not be joined."""
    log.warning("a dataset could not be compacted", dataset=payload.decode(), reason=reason)
