"""Finish writes that their authors abandoned: rows that stay pending for an hour become a version."""

from contextlib import suppress

from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.finish_version import finish_version, insert_version
from hallmarket.server.datasets.versions import sql
from hallmarket.server.datasets.write_lease import save_head, write_lease
from hallmarket.server.errors import Conflict, NotFound
from hallmarket.server.principal import job_for
from hallmarket.server.tables.store import TableStore


async def finish_abandoned_writes(database: Database, tables: TableStore) -> int:
    """Make versions of writes that were pending for an hour; return how many datasets had one. Raises Unavailable."""
    async with database.connection() as connection:
        dataset_ids = [row["asset_id"] for row in await connection.fetch(sql.list_abandoned)]
    for dataset_id in dataset_ids:
        with suppress(NotFound, Conflict):
            async with write_lease(database, dataset_id) as (writer_id, head):
                if head.pending_author_id is None:
                    continue
                author = job_for(head.pending_author_id)
                finished = await finish_version(tables, head)
                async with database.transaction() as tx:
                    await insert_version(tx, finished, dataset_id, head.pending_author_id, author)
                    await save_head(tx, writer_id, finished.head, None)
    return len(dataset_ids)
