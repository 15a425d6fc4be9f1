"""Write to a dataset: one writer at a time, durable when acknowledged, a new version when finished."""

from collections.abc import Awaitable, Callable
from uuid import UUID

from hallmarket.server.catalog.access import get_access, lock_access
from hallmarket.server.catalog.types import WRITE, Access
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.datasets.finish_version import FinishedVersion, finish_version, insert_version
from hallmarket.server.datasets.request_compaction import request_compaction
from hallmarket.server.datasets.types import DATASET, Head
from hallmarket.server.datasets.write_lease import save_head, write_lease
from hallmarket.server.principal import Principal
from hallmarket.server.tables.store import TableStore

Change = Callable[[Head], Awaitable[Head]]
TransactionStep = Callable[[Connection, Access], Awaitable[None]]


async def write(
    database: Database,
    tables: TableStore,
    principal: Principal,
    dataset_id: UUID,
    change: Change,
    *,
    finalize: bool = True,
    keep_pending: bool = False,
    in_transaction: TransactionStep | None = None,
) -> None:
    """Make a new head with `change`, and save it: as a version if `finalize`, otherwise as pending.

    With `keep_pending`, rows that were pending before stay pending. `in_transaction` runs in the transaction that saves
    the head. Raises NotFound, Locked, Forbidden, Conflict if others write for a minute, Unavailable, and what `change`
    and `in_transaction` raise; then nothing has changed.
    """
    async with database.connection() as connection:
        await get_access(connection, principal, dataset_id, WRITE, DATASET)
    async with write_lease(database, dataset_id) as (writer_id, old):
        new = await change(old)
        is_changed = new.snapshot != old.snapshot or new.key != old.key
        is_pending = old.pending_since is not None
        finished: FinishedVersion | None = None
        if finalize and (is_changed or is_pending) and not (keep_pending and is_pending):
            finished = await finish_version(tables, new)
        async with database.transaction() as tx:
            access = await lock_access(tx, principal, dataset_id, WRITE, DATASET)
            if in_transaction is not None:
                await in_transaction(tx, access)
            if finished is not None:
                await insert_version(tx, finished, dataset_id, principal.person_id, principal)
                await save_head(tx, writer_id, finished.head, None)
            elif is_changed:
                await save_head(tx, writer_id, new, principal.person_id)
            if is_changed:
                await request_compaction(tx, new)
