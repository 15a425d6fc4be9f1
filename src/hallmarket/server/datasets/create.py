"""Create a dataset from a schema, from rows, or from a table file: all of it, or nothing."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from uuid import UUID

import msgspec
import pyarrow as pa

from hallmarket.server.catalog.create import create_asset
from hallmarket.server.catalog.description import check_description
from hallmarket.server.catalog.get import get_asset
from hallmarket.server.catalog.types import AssetFields
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.datasets.accept_rows import accept_rows
from hallmarket.server.datasets.apply_rows import apply_rows
from hallmarket.server.datasets.finish_version import FinishedVersion, finish_version, insert_version
from hallmarket.server.datasets.new_dataset import NewDataset, declare_dataset_columns, declare_indexes
from hallmarket.server.datasets.thread_pool import run_in_thread
from hallmarket.server.datasets.types import DATASET, CreatedDataset, Head, Index, RowIngest
from hallmarket.server.errors import DomainError, Unavailable
from hallmarket.server.principal import Principal
from hallmarket.server.tables.store import TableStore
from hallmarket.server.tables.types import Column, Snapshot

sql = load_queries(__package__)


async def create_dataset(
    database: Database, tables: TableStore, principal: Principal, request: NewDataset
) -> CreatedDataset:
    """Create a dataset from a schema or from rows.

    Raises InvalidRequest, Forbidden, NotFound for a parent, Conflict for repeated values of a unique index,
    Unavailable; then nothing is stored.
    """
    request = await check_description(request)
    columns = await run_in_thread(declare_dataset_columns, request)
    dataset_id = new_id()
    head = _new_head(dataset_id, columns, declare_indexes(columns, request))
    rows = None
    if request.sent_rows is not None:
        rows = await accept_rows(database, principal, columns, request.sent_rows, is_empty=True)
        head = msgspec.structs.replace(head, snapshot=Snapshot(dataset_id, rows.columns))
    counts, warning = None, None
    try:
        if rows is not None:
            head, counts = await run_in_thread(apply_rows, tables, head, "append", rows)
            head, warning = await _sort(tables, head), rows.warning
        finished = await finish_version(tables, head)
        async with database.transaction() as tx:
            await insert_dataset(tx, principal, request, finished, dataset_id)
            asset = await get_asset(tx, principal, dataset_id, DATASET)
    except DomainError:
        await run_in_thread(delete_table, tables, dataset_id)
        raise
    return CreatedDataset(asset, counts, warning)


async def create_dataset_from_batches(
    database: Database,
    tables: TableStore,
    principal: Principal,
    request: NewDataset,
    columns: tuple[Column, ...],
    batches: Callable[[], Iterable[pa.RecordBatch]],
) -> CreatedDataset:
    """Create a dataset from record batches that have these columns. Raises as `create_dataset`."""
    request = await check_description(request)
    dataset_id = new_id()
    head = _new_head(dataset_id, columns, declare_indexes(columns, request))
    try:
        head = await run_in_thread(lambda: head.with_snapshot(tables.append(head.snapshot, batches())))
        for index in head.indexes:
            if index.is_unique:
                await run_in_thread(tables.verify_unique, head.snapshot, index.columns)
        finished = await finish_version(tables, await _sort(tables, head))
        async with database.transaction() as tx:
            await insert_dataset(tx, principal, request, finished, dataset_id)
            asset = await get_asset(tx, principal, dataset_id, DATASET)
    except DomainError:
        await run_in_thread(delete_table, tables, dataset_id)
        raise
    return CreatedDataset(asset, RowIngest(head.snapshot.rows))


async def prepare_dataset(
    database: Database, tables: TableStore, principal: Principal, request: NewDataset
) -> tuple[UUID, FinishedVersion]:
    """Write the rows of a dataset that another transaction will create; return its id and its first version.

    Raises InvalidRequest, Unavailable; then nothing is stored.
    """
    columns = await run_in_thread(declare_dataset_columns, request)
    assert request.sent_rows is not None
    rows = await accept_rows(database, principal, columns, request.sent_rows, is_empty=True)
    dataset_id = new_id()
    head = _new_head(dataset_id, rows.columns, ())
    try:
        head, _ = await run_in_thread(apply_rows, tables, head, "append", rows)
        return dataset_id, await finish_version(tables, head)
    except DomainError:
        await run_in_thread(delete_table, tables, dataset_id)
        raise


async def insert_dataset(
    tx: Connection, principal: Principal, fields: AssetFields, finished: FinishedVersion, dataset_id: UUID
) -> None:
    """Insert the asset, the dataset, its indexes and its first version. Raises as `create_asset`."""
    head = finished.head
    await create_asset(tx, principal, "dataset", fields, asset_id=dataset_id)
    await tx.execute(sql.create_dataset, dataset_id, head.encode(), head.key, head.version)
    for index in head.indexes:
        await tx.execute(sql.create_index, dataset_id, index.name, list(index.columns), index.is_unique)
    await insert_version(tx, finished, dataset_id, principal.person_id, principal)


def delete_table(tables: TableStore, dataset_id: UUID) -> None:
    """Delete the files of a dataset that was not created. Blocks."""
    with suppress(Unavailable):  # `delete_orphaned_files` deletes them later
        tables.delete(dataset_id)


def _new_head(dataset_id: UUID, columns: tuple[Column, ...], indexes: Sequence[Index]) -> Head:
    return Head(Snapshot(dataset_id, columns), 0, None, True, None, None, indexes)


async def _sort(tables: TableStore, head: Head) -> Head:
    return head.with_snapshot(await run_in_thread(tables.sort, head.snapshot, head.order)) if head.order else head
