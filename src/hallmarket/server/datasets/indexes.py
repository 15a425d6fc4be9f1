"""Indexes of a dataset: columns that its rows are sorted by, and whose values may have to be unique.

An index has no data structure of its own: DuckDB skips row groups by their minimum and maximum values, and sorting the
rows makes these ranges narrow. Every write checks unique indexes.
"""

from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.catalog.access import get_access
from hallmarket.server.catalog.types import LISTED, Access
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.datasets.thread_pool import run_in_thread
from hallmarket.server.datasets.types import DATASET, Head, Index, WireIndex
from hallmarket.server.datasets.write import write
from hallmarket.server.errors import Conflict, InvalidRequest, NotFound
from hallmarket.server.principal import Principal
from hallmarket.server.tables.columns import get_column
from hallmarket.server.tables.store import TableStore
from hallmarket.server.tables.types import Column

sql = load_queries(__package__)

MAX_COLUMNS = 4
MAX_INDEXES = 16
PRIMARY = "data_pkey"


class NewIndex(msgspec.Struct, frozen=True):
    """A new index: its columns in sort order."""

    columns: list[str]
    unique: bool = False


def declare_index(columns: tuple[Column, ...], request: NewIndex) -> Index:
    """Return the index that a request declares. Raises InvalidRequest."""
    names = tuple(dict.fromkeys(get_column(columns, name).name for name in request.columns))
    if not 1 <= len(names) <= MAX_COLUMNS:
        raise InvalidRequest(f"An index must have 1 to {MAX_COLUMNS} columns.", "columns")
    return Index("_".join([*names, "key" if request.unique else "idx"]), names, request.unique)


async def list_indexes(database: Database, principal: Principal, dataset_id: UUID) -> list[WireIndex]:
    """Return the indexes of a dataset, its key first. Raises NotFound."""
    async with database.connection() as connection:
        await get_access(connection, principal, dataset_id, LISTED, DATASET)
        dataset = await connection.fetchrow(sql.find_dataset, dataset_id)
        rows = await connection.fetch(sql.list_indexes, dataset_id)
    if dataset is None:
        raise NotFound("There is no such dataset.")
    key = [] if dataset["key"] is None else [WireIndex(PRIMARY, [dataset["key"]], True, True, True, 0)]
    return [*key, *(_wire_index(Index(row["name"], tuple(row["columns"]), row["is_unique"])) for row in rows)]


async def create_index(
    database: Database, tables: TableStore, principal: Principal, dataset_id: UUID, request: NewIndex
) -> WireIndex:
    """Create an index and sort the rows by it. If an index over the same columns exists, return that.

    Rows that move make a new version, unless the dataset has pending rows: then all rows are sorted and the pending
    rows stay pending. Raises NotFound, Forbidden, InvalidRequest, Conflict if a unique index has repeated values.
    """
    created: list[Index] = []
    exists = False

    async def change(head: Head) -> Head:
        nonlocal exists
        index = declare_index(head.snapshot.columns, request)
        found = next((other for other in head.indexes if other.columns == index.columns), None)
        exists = found is not None and (found.is_unique or not index.is_unique)
        if found is not None and exists:
            created.append(found)
            return head
        if found is None and len(head.indexes) >= MAX_INDEXES:
            raise Conflict(f"A dataset can have at most {MAX_INDEXES} indexes. Drop one first.")
        if index.is_unique:
            await run_in_thread(tables.verify_unique, head.snapshot, index.columns)
        created.append(index)
        return head.with_snapshot(await run_in_thread(tables.sort, head.snapshot, index.columns))

    async def insert(tx: Connection, _access: Access) -> None:
        if exists:
            return
        (index,) = created
        try:
            await tx.execute(sql.create_index, dataset_id, index.name, list(index.columns), index.is_unique)
        except asyncpg.UniqueViolationError:
            raise Conflict(f"There is already an index {index.name} over other columns.") from None

    await write(database, tables, principal, dataset_id, change, keep_pending=True, in_transaction=insert)
    return _wire_index(created[0])


async def delete_index(
    database: Database, tables: TableStore, principal: Principal, dataset_id: UUID, name: str
) -> None:
    """Drop an index. Raises NotFound, Forbidden, Conflict for the key's index."""

    async def change(head: Head) -> Head:
        if name == PRIMARY and head.key is not None:
            raise Conflict("The key's index cannot be dropped.")
        return head

    async def delete(tx: Connection, _access: Access) -> None:
        if not await tx.fetch(sql.delete_indexes, dataset_id, [name]):
            raise NotFound("There is no such index.")

    await write(database, tables, principal, dataset_id, change, finalize=False, in_transaction=delete)


def _wire_index(index: Index) -> WireIndex:
    return WireIndex(
        index.name, list(index.columns), index.is_unique, is_primary=False, is_constraint=False, size_bytes=0
    )
