"""What is done to datasets in the background: abandoned writes finished, small files joined, lost files deleted."""

from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

import msgspec
import structlog

from hallmarket.proof.manifest import Manifest
from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.compact import COMPACT, MAX_SMALL_FILES
from hallmarket.server.datasets.finish import finish, keep_version
from hallmarket.server.datasets.threads import aside
from hallmarket.server.datasets.versions import find_version, read_version, sql
from hallmarket.server.datasets.write import keep_head, lease
from hallmarket.server.errors import Conflict, NotFound
from hallmarket.server.principal import job_for
from hallmarket.server.tables.store import Tables, small_files

__all__ = ("COMPACT", "compact", "finish_abandoned", "give_up", "sweep")
log = structlog.get_logger()
_read_manifest = msgspec.json.Decoder(Manifest).decode


async def compact(database: Database, tables: Tables, payload: bytes) -> None:
    """Join a dataset's small files in its head, sorted by its newest index: the same rows, and no version changes.

    The next one has the new files. Raises Conflict if others write for a minute, Unavailable.
    """
    dataset_id = UUID(msgspec.json.decode(payload, type=str))
    with suppress(NotFound):  # deleted meanwhile
        async with lease(database, dataset_id) as (writer_id, head):
            if small_files(head.snapshot) < MAX_SMALL_FILES:
                return
            joined = head.with_snapshot(await aside(tables.compact, head.snapshot, head.order))
            async with database.transaction() as tx:
                await keep_head(tx, writer_id, joined, head.pending_author_id)


async def give_up(payload: bytes, reason: str) -> None:
    """A dataset stays as it is if its files cannot be joined."""
    log.warning("a dataset's files could not be joined", dataset=payload.decode(), reason=reason)


async def finish_abandoned(database: Database, tables: Tables) -> int:
    """Make versions of writes whose author never came back to finish them; returns how many. Raises Unavailable."""
    async with database.connection() as connection:
        waiting = [row["asset_id"] for row in await connection.fetch(sql.list_abandoned)]
    for dataset_id in waiting:
        with suppress(NotFound, Conflict):
            async with lease(database, dataset_id) as (writer_id, head):
                if head.pending_author_id is None:
                    continue
                finished = await finish(tables, head)
                async with database.transaction() as tx:
                    await keep_version(
                        tx, finished, dataset_id, head.pending_author_id, job_for(head.pending_author_id)
                    )
                    await keep_head(tx, writer_id, finished.head, None)
    return len(waiting)


async def sweep(database: Database, tables: Tables) -> int:
    """Delete files that no version has, and tables that no dataset has, a day after they were written.

    Returns how many files. Raises Unavailable.
    """
    async with database.connection() as connection:
        waiting = [row["asset_id"] for row in await connection.fetch(sql.list_due_for_sweep)]
    gone = 0
    for dataset_id in waiting:
        with suppress(NotFound, Conflict):
            gone += await _sweep_one(database, tables, dataset_id)
    for table_id in await _lost(database, await aside(tables.table_ids)):
        gone += await aside(tables.sweep, table_id, ())
        await aside(tables.forget_empty, table_id)
    if gone:
        log.info("deleted files that no version of a dataset has", files=gone)
    return gone


async def _sweep_one(database: Database, tables: Tables, dataset_id: UUID) -> int:
    """Under the lease: what is looked at is not written to meanwhile, and a Delta log that ran ahead comes back."""
    async with lease(database, dataset_id) as (writer_id, head):
        async with database.connection() as connection:
            manifests = [row["manifest"] for row in await connection.fetch(sql.list_manifests, dataset_id)]
            newest = read_version(await find_version(connection, dataset_id))
        await aside(tables.commit, newest.snapshot)
        kept = {file.name for text in manifests for file in _read_manifest(text).files}
        kept |= {file.name for file in head.snapshot.files}
        gone = await aside(tables.sweep, dataset_id, kept)
        async with database.connection() as connection:
            await connection.execute(sql.record_sweep, dataset_id, writer_id)
    return gone


async def _lost(database: Database, table_ids: Sequence[UUID]) -> list[UUID]:
    async with database.connection() as connection:
        known = {row["asset_id"] for row in await connection.fetch(sql.find_existing, table_ids)}
    return [table_id for table_id in table_ids if table_id not in known]
