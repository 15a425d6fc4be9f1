"""Write to a dataset: one after the other, durable when answered, a version when finished.

Making files takes long, and an idle transaction would hold a connection and a lock all that time. So a writer takes a
lease on the dataset's row: a short statement, renewed while the work goes on, and gone by itself 15 seconds after a
crash. The work is done without a transaction, in threads; then one short transaction keeps what came of it, if the
lease is still the writer's. What is not kept is as if it had not been: its files are nobody's, and a sweep finds them.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from uuid import UUID, uuid4

import msgspec

from hallmarket.server.catalog.access import get_access, lock_access
from hallmarket.server.catalog.types import WRITE, Access
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.datasets.finish_version import FinishedVersion, finish_version, insert_version
from hallmarket.server.datasets.request_compaction import request_compaction
from hallmarket.server.datasets.types import DATASET, Head, StoredHead, read_head
from hallmarket.server.datasets.versions import sql
from hallmarket.server.errors import Conflict, NotFound, Unavailable
from hallmarket.server.principal import Principal
from hallmarket.server.tables.store import TableStore

WAIT_S = 60.0  # for those who write before
LOOK_EVERY_S = 0.05
RENEW_EVERY_S = 4.0


Change = Callable[[Head], Awaitable[Head]]
Also = Callable[[Connection, Access], Awaitable[None]]


async def write(
    database: Database,
    tables: TableStore,
    principal: Principal,
    dataset_id: UUID,
    change: Change,
    *,
    finalize: bool = True,
    patient: bool = False,
    also: Also | None = None,
) -> None:
    """Let `change` make a new head out of the newest one, and keep it: pending, or as a version if `finalize`.

    With `patient`, rows that wait to be finished go on waiting. `also` is done in the transaction that keeps it. Raises
    NotFound, Locked, Forbidden, Conflict if others write for a minute, Unavailable, and whatever `change` and `also`
    raise; then nothing has changed.
    """
    async with database.connection() as connection:
        await get_access(connection, principal, dataset_id, WRITE, DATASET)
    async with lease(database, dataset_id) as (writer_id, old):
        new = await change(old)
        changed = new.snapshot != old.snapshot or new.key != old.key
        finished: FinishedVersion | None = None
        waiting = old.pending_since is not None
        if finalize and (changed or waiting) and not (patient and waiting):
            finished = await finish_version(tables, new)
        async with database.transaction() as tx:
            access = await lock_access(tx, principal, dataset_id, WRITE, DATASET)
            if also is not None:
                await also(tx, access)
            if finished is not None:
                await insert_version(tx, finished, dataset_id, principal.person_id, principal)
                await save_head(tx, writer_id, finished.head, None)
            elif changed:
                await save_head(tx, writer_id, new, principal.person_id)
            if changed:
                await request_compaction(tx, new)


async def save_head(tx: Connection, writer_id: UUID, head: Head, author_id: UUID | None) -> None:
    """Keep a head; it is pending if it has an author, else a version's. Raises Unavailable if the lease was lost."""
    kept = StoredHead(head.snapshot.columns, head.snapshot.files, head.is_new)
    text = msgspec.json.encode(kept).decode()
    dataset_id = head.snapshot.table_id
    if not await tx.fetchval(sql.save_head, dataset_id, writer_id, text, head.key, author_id, head.version):
        raise Unavailable("The server stood still in the middle of this write. Nothing was kept; try again.")


@asynccontextmanager
async def lease(database: Database, dataset_id: UUID) -> AsyncIterator[tuple[UUID, Head]]:
    """The right to write to a dataset, with its head. Raises NotFound, Conflict if others write for a minute."""
    writer_id = uuid4()
    head = await _take(database, dataset_id, writer_id)
    renewing = asyncio.create_task(_renew(database, dataset_id, writer_id))
    try:
        yield writer_id, head
    finally:
        renewing.cancel()
        await asyncio.gather(renewing, return_exceptions=True)
        with suppress(Unavailable):  # then it goes by itself
            async with database.connection() as connection:
                await connection.execute(sql.release_lease, dataset_id, writer_id)


async def _take(database: Database, dataset_id: UUID, writer_id: UUID) -> Head:
    deadline = time.monotonic() + WAIT_S
    while True:
        async with database.connection() as connection:
            if row := await connection.fetchrow(sql.take_lease, dataset_id, writer_id):
                return read_head(row, await connection.fetch(sql.list_indexes, dataset_id))
            if await connection.fetchrow(sql.find_dataset, dataset_id) is None:
                raise NotFound("There is no such dataset.")
        if time.monotonic() > deadline:
            raise Conflict("Others are writing to this dataset; try again.")
        await asyncio.sleep(LOOK_EVERY_S)


async def _renew(database: Database, dataset_id: UUID, writer_id: UUID) -> None:
    while True:
        await asyncio.sleep(RENEW_EVERY_S)
        with suppress(Unavailable):
            async with database.connection() as connection:
                await connection.execute(sql.renew_lease, dataset_id, writer_id)
