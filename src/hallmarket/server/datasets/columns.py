"""Columns of a dataset: added, renamed, retyped, dropped; every change is a version."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from hallmarket.server.catalog.types import Access
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.datasets.thread_pool import run_in_thread
from hallmarket.server.datasets.types import Head
from hallmarket.server.datasets.versions import sql
from hallmarket.server.datasets.write import write
from hallmarket.server.errors import Conflict, Duplicate, InvalidRequest, NotFound
from hallmarket.server.principal import Principal
from hallmarket.server.tables.column_types import parse_type
from hallmarket.server.tables.columns import MAX_COLUMNS, find_column, normalize_name, read_enum_values
from hallmarket.server.tables.store import TableStore
from hallmarket.server.tables.types import Column

Label = Annotated[str, msgspec.Meta(max_length=1024)]
ENUM = "enum"


class NewColumn(msgspec.Struct, frozen=True):
    """A column to be; with `enumValues` it takes these alone."""

    name: Label
    type: str = "text"
    nullable: bool = True
    label: Label | None = None
    enumValues: list[str] | None = None  # noqa: N815 - the wire's name


class ChangeColumn(msgspec.Struct, frozen=True):
    """What is to change of a column; what is left out stays."""

    newName: Label | UnsetType = UNSET  # noqa: N815 - the wire's name
    type: str | UnsetType = UNSET
    label: Label | UnsetType | None = UNSET
    enumValues: list[str] | UnsetType | None = UNSET  # noqa: N815 - the wire's name


async def add_column(
    database: Database, tables: TableStore, principal: Principal, dataset_id: UUID, wanted: NewColumn
) -> str:
    """Add a column of nulls, and return its name. Raises NotFound, Forbidden, InvalidRequest, Duplicate, Conflict."""
    column = _declare(wanted)

    async def change(head: Head) -> Head:
        if find_column(head.snapshot.columns, column.name):
            raise Duplicate(f"There is a column {column.name} already.")
        if len(head.snapshot.columns) >= MAX_COLUMNS:
            raise Conflict(f"A dataset has at most {MAX_COLUMNS} columns.")
        if not column.nullable and head.snapshot.rows:
            raise Conflict(f"The rows that are there would have no {column.name}; let it take nulls.")
        return await _changed(tables, head, [*_same(head), (column, None)])

    await write(database, tables, principal, dataset_id, change)
    return column.name


async def change_column(
    database: Database, tables: TableStore, principal: Principal, dataset_id: UUID, name: str, wanted: ChangeColumn
) -> str:
    """Change a column, and return its name from now on.

    Raises NotFound, Forbidden, InvalidRequest for a value that does not fit the new type, Duplicate, Conflict.
    """
    renamed: list[tuple[str, str]] = []

    async def change(head: Head) -> Head:
        old = _get(head, name)
        new = _apply(head, old, wanted)
        renamed.append((old.name, new.name))
        columns = [(new, old.name) if one is old else (one, one.name) for one in head.snapshot.columns]
        changed = await _changed(tables, head, columns)
        if head.key == old.name:
            if new.type != old.type and not await run_in_thread(tables.can_be_key, changed.snapshot, new.name):
                raise Conflict(f"{old.name} is the key, and would not be unique any more.")
            changed = msgspec.structs.replace(changed, key=new.name)
        return changed

    async def also(tx: Connection, _access: Access) -> None:
        await tx.execute(sql.rename_in_indexes, dataset_id, *renamed[0])

    await write(database, tables, principal, dataset_id, change, also=also)
    return renamed[0][1]


async def drop_column(database: Database, tables: TableStore, principal: Principal, dataset_id: UUID, name: str) -> str:
    """Drop a column and the indexes it is in, and return its name. Raises as `add_column`, Conflict for the last."""
    dropped: list[str] = []
    indexes: list[str] = []

    async def change(head: Head) -> Head:
        old = _get(head, name)
        left = [(column, column.name) for column in head.snapshot.columns if column is not old]
        if not left:
            raise Conflict("A dataset keeps at least one column.")
        dropped.append(old.name)
        indexes.extend(index.name for index in head.indexes if old.name in index.columns)
        changed = await _changed(tables, head, left)
        return msgspec.structs.replace(changed, key=None if head.key == old.name else head.key)

    async def also(tx: Connection, _access: Access) -> None:
        await tx.fetch(sql.delete_indexes, dataset_id, indexes)

    await write(database, tables, principal, dataset_id, change, also=also)
    return dropped[0]


def _declare(wanted: NewColumn) -> Column:
    name = normalize_name(wanted.name)
    if not name:
        raise InvalidRequest("A column's name needs a letter or a digit.", "name")
    values = None
    if wanted.enumValues is not None or wanted.type.strip().lower() == ENUM:
        values = read_enum_values(wanted.enumValues, name)
    kind = "text" if values is not None else parse_type(wanted.type)
    return Column(name, kind, nullable=wanted.nullable, label=wanted.label, enum_values=values)


def _apply(head: Head, old: Column, wanted: ChangeColumn) -> Column:
    """A column as it is wanted. Raises InvalidRequest, Duplicate."""
    new = old
    if wanted.newName is not UNSET:
        name = normalize_name(wanted.newName)
        if not name:
            raise InvalidRequest("A column's name needs a letter or a digit.", "newName")
        if name != old.name and find_column(head.snapshot.columns, name):
            raise Duplicate(f"There is a column {name} already.")
        new = msgspec.structs.replace(new, name=name, original=None)
    if wanted.label is not UNSET:
        new = msgspec.structs.replace(new, label=wanted.label)
    if wanted.type is not UNSET and wanted.type.strip().lower() != ENUM:
        # What was an enum or a reference is a plain column again.
        new = msgspec.structs.replace(
            new, type=parse_type(wanted.type), enum_values=None, ref_kind=None, asset_type=None
        )
    if wanted.enumValues is not UNSET and wanted.enumValues is not None:
        values = read_enum_values(wanted.enumValues, old.name)
        new = msgspec.structs.replace(new, type="text", enum_values=values, ref_kind=None, asset_type=None)
    elif wanted.type is not UNSET and wanted.type.strip().lower() == ENUM and old.enum_values is None:
        raise InvalidRequest("An enum column needs enumValues.", "enumValues")
    return new


async def _changed(tables: TableStore, head: Head, columns: Sequence[tuple[Column, str | None]]) -> Head:
    return head.with_snapshot(await run_in_thread(tables.change_columns, head.snapshot, columns))


def _same(head: Head) -> list[tuple[Column, str | None]]:
    return [(column, column.name) for column in head.snapshot.columns]


def _get(head: Head, name: str) -> Column:
    column = find_column(head.snapshot.columns, name)
    if column is None:
        raise NotFound("There is no such column.")
    return column
