"""The write lease of a dataset: only its holder may write. Writers wait for each other up to a minute.

Making files takes long, and an open transaction would hold a connection and a lock all that time. So a writer takes a
lease in the dataset's row with one short statement, and renews it while it works. After a crash the lease expires
within 15 seconds. The writer works in threads without a transaction; one short transaction then saves the result if
the lease is still the writer's. Files of a result that was not saved belong to no version, and are deleted later.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from uuid import UUID, uuid4

from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.datasets.types import Head, read_head
from hallmarket.server.errors import Conflict, NotFound, Unavailable

sql = load_queries(__package__)

WAIT_S = 60.0
RETRY_INTERVAL_S = 0.05
RENEWAL_INTERVAL_S = 4.0


@asynccontextmanager
async def write_lease(database: Database, dataset_id: UUID) -> AsyncIterator[tuple[UUID, Head]]:
    """Hold the write lease of a dataset. Yields the writer's id and the dataset's head.

    Raises NotFound, Conflict if others write for a minute, Unavailable.
    """
    writer_id = uuid4()
    head = await _acquire(database, dataset_id, writer_id)
    renewal = asyncio.create_task(_renew(database, dataset_id, writer_id))
    try:
        yield writer_id, head
    finally:
        renewal.cancel()
        await asyncio.gather(renewal, return_exceptions=True)
        with suppress(Unavailable):  # the lease expires by itself
            async with database.connection() as connection:
                await connection.execute(sql.release_lease, dataset_id, writer_id)


async def save_head(tx: Connection, writer_id: UUID, head: Head, pending_author_id: UUID | None) -> None:
    """Save a head. With a pending author, its rows are pending; otherwise it is a version's head.

    Raises Unavailable if the lease was lost.
    """
    if not await tx.fetchval(
        sql.save_head, head.snapshot.table_id, writer_id, head.encode(), head.key, pending_author_id, head.version
    ):
        raise Unavailable("The server stalled during this write. Nothing was saved; try again.")


async def _acquire(database: Database, dataset_id: UUID, writer_id: UUID) -> Head:
    deadline = time.monotonic() + WAIT_S
    while True:
        async with database.connection() as connection:
            if row := await connection.fetchrow(sql.take_lease, dataset_id, writer_id):
                return read_head(row, await connection.fetch(sql.list_indexes, dataset_id))
            if await connection.fetchrow(sql.find_dataset, dataset_id) is None:
                raise NotFound("There is no such dataset.")
        if time.monotonic() > deadline:
            raise Conflict("Others are writing to this dataset. Try again.")
        await asyncio.sleep(RETRY_INTERVAL_S)


async def _renew(database: Database, dataset_id: UUID, writer_id: UUID) -> None:
    while True:
        await asyncio.sleep(RENEWAL_INTERVAL_S)
        with suppress(Unavailable):
            async with database.connection() as connection:
                await connection.execute(sql.renew_lease, dataset_id, writer_id)
