"""Delete files that belong to no version of a dataset, such as those of failed writes and of deleted datasets."""

from collections.abc import Sequence
from contextlib import suppress
from uuid import UUID

import msgspec
import structlog

from hallmarket.proof.manifest import Manifest
from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.thread_pool import run_in_thread
from hallmarket.server.datasets.versions import get_version_row, read_version, sql
from hallmarket.server.datasets.write_lease import write_lease
from hallmarket.server.errors import Conflict, NotFound
from hallmarket.server.tables.store import TableStore

log = structlog.get_logger()
_decode_manifest = msgspec.json.Decoder(Manifest).decode


async def delete_orphaned_files(database: Database, tables: TableStore) -> int:
    """Delete files of no version, and tables of no dataset, that are older than a day; return how many files.

    Each dataset is checked once a day. Raises Unavailable.
    """
    async with database.connection() as connection:
        dataset_ids = [row["asset_id"] for row in await connection.fetch(sql.list_due_for_sweep)]
    deleted = 0
    for dataset_id in dataset_ids:
        with suppress(NotFound, Conflict):
            deleted += await _delete_from(database, tables, dataset_id)
    for table_id in await _list_orphaned_tables(database, await run_in_thread(tables.list_tables)):
        deleted += await run_in_thread(tables.delete_abandoned, table_id, ())
        await run_in_thread(tables.delete_empty, table_id)
    if deleted:
        log.info("deleted files that belong to no version of a dataset", files=deleted)
    return deleted


async def _delete_from(database: Database, tables: TableStore, dataset_id: UUID) -> int:
    # The lease keeps writers away while the files are compared, and lets a Delta log that ran ahead be set back.
    async with write_lease(database, dataset_id) as (writer_id, head):
        async with database.connection() as connection:
            manifests = [row["manifest"] for row in await connection.fetch(sql.list_manifests, dataset_id)]
            newest = read_version(await get_version_row(connection, dataset_id))
        await run_in_thread(tables.commit, newest.snapshot)
        in_use = {file.name for text in manifests for file in _decode_manifest(text).files}
        in_use |= {file.name for file in head.snapshot.files}
        deleted = await run_in_thread(tables.delete_abandoned, dataset_id, in_use)
        async with database.connection() as connection:
            await connection.execute(sql.record_sweep, dataset_id, writer_id)
    return deleted


async def _list_orphaned_tables(database: Database, table_ids: Sequence[UUID]) -> list[UUID]:
    async with database.connection() as connection:
        known = {row["asset_id"] for row in await connection.fetch(sql.find_existing, table_ids)}
    return [table_id for table_id in table_ids if table_id not in known]
