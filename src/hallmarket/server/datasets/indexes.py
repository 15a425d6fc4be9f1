"""Indexes of a dataset: columns by which its rows are sorted, and whose values may have to be unique.

There is no tree to keep: DuckDB skips row groups by their least and greatest values, and rows sorted by the columns it
is asked for make these narrow. A unique index is a promise, looked after at every write.
"""

from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.catalog.access import get_access
from hallmarket.server.catalog.types import LISTED, Access
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.datasets.thread_pool import run_in_thread
from hallmarket.server.datasets.types import DATASET, Head, Index, WireIndex
from hallmarket.server.datasets.versions import sql
from hallmarket.server.datasets.write import write
from hallmarket.server.errors import Conflict, InvalidRequest, NotFound
from hallmarket.server.principal import Principal
from hallmarket.server.tables.columns import get_column
from hallmarket.server.tables.store import TableStore
from hallmarket.server.tables.types import Column

MAX_COLUMNS = 4
MAX_INDEXES = 16
PRIMARY = "data_pkey"


class NewIndex(msgspec.Struct, frozen=True):
    """The columns of an index to be, in the order queries narrow them."""

    columns: list[str]
    unique: bool = False


def declare_index(columns: tuple[Column, ...], wanted: NewIndex) -> Index:
    """An index as it is kept. Raises InvalidRequest."""
    names = tuple(dict.fromkeys(get_column(columns, name).name for name in wanted.columns))
    if not 1 <= len(names) <= MAX_COLUMNS:
        raise InvalidRequest(f"An index has 1 to {MAX_COLUMNS} columns.", "columns")
    return Index("_".join([*names, "key" if wanted.unique else "idx"]), names, wanted.unique)


async def list_indexes(database: Database, principal: Principal, dataset_id: UUID) -> list[WireIndex]:
    """The indexes of a dataset, its key first. Raises NotFound."""
    async with database.connection() as connection:
        await get_access(connection, principal, dataset_id, LISTED, DATASET)
        dataset = await connection.fetchrow(sql.find_dataset, dataset_id)
        rows = await connection.fetch(sql.list_indexes, dataset_id)
    if dataset is None:
        raise NotFound("There is no such dataset.")
    key = [] if dataset["key"] is None else [WireIndex(PRIMARY, [dataset["key"]], True, True, True, 0)]
    return [*key, *(_wire(Index(row["name"], tuple(row["columns"]), row["is_unique"])) for row in rows)]


async def create_index(
    database: Database, tables: TableStore, principal: Principal, dataset_id: UUID, wanted: NewIndex
) -> WireIndex:
    """Index columns, and sort the rows by them; the one there is already, if there is one over the same columns.

    Rows that move make a version, unless some wait to be finished: then they are sorted, and go on waiting.

    Raises NotFound, Forbidden, InvalidRequest, Conflict where a unique one finds values twice.
    """
    made: list[Index] = []
    is_there = False

    async def change(head: Head) -> Head:
        nonlocal is_there
        index = declare_index(head.snapshot.columns, wanted)
        found = next((one for one in head.indexes if one.columns == index.columns), None)
        is_there = found is not None and (found.is_unique or not index.is_unique)
        if found is not None and is_there:
            made.append(found)
            return head
        if found is None and len(head.indexes) >= MAX_INDEXES:
            raise Conflict(f"A dataset has at most {MAX_INDEXES} indexes; drop one first.")
        if index.is_unique:
            await run_in_thread(tables.verify_unique, head.snapshot, index.columns)
        made.append(index)
        return head.with_snapshot(await run_in_thread(tables.sort, head.snapshot, index.columns))

    async def also(tx: Connection, _access: Access) -> None:
        if not is_there:
            try:
                await tx.execute(sql.create_index, dataset_id, made[0].name, list(made[0].columns), made[0].is_unique)
            except asyncpg.UniqueViolationError:
                raise Conflict(f"There is an index {made[0].name} already, over other columns.") from None

    await write(database, tables, principal, dataset_id, change, patient=True, also=also)
    return _wire(made[0])


async def delete_index(
    database: Database, tables: TableStore, principal: Principal, dataset_id: UUID, name: str
) -> None:
    """Drop an index. Raises NotFound, Forbidden, Conflict for the key's."""

    async def change(head: Head) -> Head:
        if name == PRIMARY and head.key is not None:
            raise Conflict("The key's index cannot be dropped.")
        return head

    async def also(tx: Connection, _access: Access) -> None:
        if not await tx.fetch(sql.delete_indexes, dataset_id, [name]):
            raise NotFound("There is no such index.")

    await write(database, tables, principal, dataset_id, change, finalize=False, also=also)


def _wire(index: Index) -> WireIndex:
    return WireIndex(
        index.name, list(index.columns), index.is_unique, is_primary=False, is_constraint=False, size_bytes=0
    )
