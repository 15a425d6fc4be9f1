"""Delete unused blobs: those of uploads that were cut off, and those whose owner was deleted."""

import structlog

from hallmarket.server.blobs.blob_store import object_name
from hallmarket.server.blobs.object_store import ObjectStore
from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries

sql = load_queries(__package__)
log = structlog.get_logger()

BATCH_SIZE = 100  # objects deleted per transaction


async def delete_unused_blobs(database: Database, store: ObjectStore) -> int:
    """Delete released blobs, and blobs not retained within a day of their creation. Returns the number deleted.

    Raises Unavailable.
    """
    deleted = 0
    while batch := await _delete_batch(database, store):
        deleted += batch
    if deleted:
        log.info("unused blobs deleted", objects=deleted)
    return deleted


async def _delete_batch(database: Database, store: ObjectStore) -> int:
    async with database.transaction() as tx:
        blob_ids = [row["id"] for row in await tx.fetch(sql.lock_unused_blobs, BATCH_SIZE)]
        # Rows first: if a foreign key still refers to a blob, this raises before its object is deleted.
        await tx.execute(sql.delete_unretained_blobs, blob_ids)
        for blob_id in blob_ids:
            await store.delete(object_name(blob_id))
    return len(blob_ids)
