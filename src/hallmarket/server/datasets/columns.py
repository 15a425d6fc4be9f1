"""Add, change and drop columns of a dataset. Every change makes a new version."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import msgspec
from msgspec import UNSET, UnsetType

from hallmarket.server.catalog.types import Access
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.datasets.thread_pool import run_in_thread
from hallmarket.server.datasets.types import Head
from hallmarket.server.datasets.write import write
from hallmarket.server.errors import Conflict, Duplicate, InvalidRequest, NotFound
from hallmarket.server.principal import Principal
from hallmarket.server.tables.column_types import parse_type
from hallmarket.server.tables.columns import MAX_COLUMNS, find_column, normalize_name, read_enum_values
from hallmarket.server.tables.store import TableStore
from hallmarket.server.tables.types import Column

sql = load_queries(__package__)

Label = Annotated[str, msgspec.Meta(max_length=1024)]
ENUM = "enum"


class NewColumn(msgspec.Struct, frozen=True):
    """A new column. With `enumValues` it allows only these values."""

    name: Label
    type: str = "text"
    nullable: bool = True
    label: Label | None = None
    enumValues: list[str] | None = None  # noqa: N815 (the wire's name)


class ColumnChanges(msgspec.Struct, frozen=True):
    """Changes to a column. Unset fields do not change."""

    newName: Label | UnsetType = UNSET  # noqa: N815 (the wire's name)
    type: str | UnsetType = UNSET
    label: Label | UnsetType | None = UNSET
    enumValues: list[str] | UnsetType | None = UNSET  # noqa: N815 (the wire's name)


async def add_column(
    database: Database, tables: TableStore, principal: Principal, dataset_id: UUID, request: NewColumn
) -> str:
    """Add a column of nulls, and return its name. Raises NotFound, Forbidden, InvalidRequest, Duplicate, Conflict."""
    column = _declare(request)

    async def change(head: Head) -> Head:
        if find_column(head.snapshot.columns, column.name):
            raise Duplicate(f"There is already a column {column.name}.")
        if len(head.snapshot.columns) >= MAX_COLUMNS:
            raise Conflict(f"A dataset can have at most {MAX_COLUMNS} columns.")
        if not column.nullable and head.snapshot.rows:
            raise Conflict(f"Existing rows would have no {column.name}; allow nulls in it.")
        columns: list[tuple[Column, str | None]] = [(old, old.name) for old in head.snapshot.columns]
        return await _change_columns(tables, head, [*columns, (column, None)])

    await write(database, tables, principal, dataset_id, change)
    return column.name


async def change_column(
    database: Database, tables: TableStore, principal: Principal, dataset_id: UUID, name: str, changes: ColumnChanges
) -> str:
    """Change a column, and return its new name.

    Raises NotFound, Forbidden, InvalidRequest for a value that does not fit the new type, Duplicate, Conflict.
    """
    renamed: list[tuple[str, str]] = []

    async def change(head: Head) -> Head:
        old = _get_column(head, name)
        new = _apply_changes(head, old, changes)
        renamed.append((old.name, new.name))
        columns = [(new, old.name) if column is old else (column, column.name) for column in head.snapshot.columns]
        changed = await _change_columns(tables, head, columns)
        if head.key == old.name:
            if new.type != old.type and not await run_in_thread(tables.can_be_key, changed.snapshot, new.name):
                raise Conflict(f"{old.name} is the key, and would no longer be unique.")
            changed = msgspec.structs.replace(changed, key=new.name)
        return changed

    async def rename_in_indexes(tx: Connection, _access: Access) -> None:
        await tx.execute(sql.rename_in_indexes, dataset_id, *renamed[0])

    await write(database, tables, principal, dataset_id, change, in_transaction=rename_in_indexes)
    return renamed[0][1]


async def drop_column(database: Database, tables: TableStore, principal: Principal, dataset_id: UUID, name: str) -> str:
    """Drop a column and the indexes that contain it, and return its name.

    Raises NotFound, Forbidden, Conflict for the last column.
    """
    dropped: list[str] = []
    indexes: list[str] = []

    async def change(head: Head) -> Head:
        old = _get_column(head, name)
        remaining = [(column, column.name) for column in head.snapshot.columns if column is not old]
        if not remaining:
            raise Conflict("A dataset must have at least one column.")
        dropped.append(old.name)
        indexes.extend(index.name for index in head.indexes if old.name in index.columns)
        changed = await _change_columns(tables, head, remaining)
        return msgspec.structs.replace(changed, key=None if head.key == old.name else head.key)

    async def delete_indexes(tx: Connection, _access: Access) -> None:
        await tx.fetch(sql.delete_indexes, dataset_id, indexes)

    await write(database, tables, principal, dataset_id, change, in_transaction=delete_indexes)
    return dropped[0]


def _declare(request: NewColumn) -> Column:
    name = normalize_name(request.name)
    if not name:
        raise InvalidRequest("A column's name needs a letter or a digit.", "name")
    values = None
    if request.enumValues is not None or request.type.strip().lower() == ENUM:
        values = read_enum_values(request.enumValues, name)
    column_type = "text" if values is not None else parse_type(request.type)
    return Column(name, column_type, nullable=request.nullable, label=request.label, enum_values=values)


def _apply_changes(head: Head, old: Column, changes: ColumnChanges) -> Column:
    """Return the changed column. Raises InvalidRequest, Duplicate."""
    new = old
    if changes.newName is not UNSET:
        name = normalize_name(changes.newName)
        if not name:
            raise InvalidRequest("A column's name needs a letter or a digit.", "newName")
        if name != old.name and find_column(head.snapshot.columns, name):
            raise Duplicate(f"There is already a column {name}.")
        new = msgspec.structs.replace(new, name=name, original=None)
    if changes.label is not UNSET:
        new = msgspec.structs.replace(new, label=changes.label)
    if changes.type is not UNSET and changes.type.strip().lower() != ENUM:
        # With a type, an enum or reference column becomes a plain column.
        new = msgspec.structs.replace(
            new, type=parse_type(changes.type), enum_values=None, ref_kind=None, asset_type=None
        )
    if changes.enumValues is not UNSET and changes.enumValues is not None:
        values = read_enum_values(changes.enumValues, old.name)
        new = msgspec.structs.replace(new, type="text", enum_values=values, ref_kind=None, asset_type=None)
    elif changes.type is not UNSET and changes.type.strip().lower() == ENUM and old.enum_values is None:
        raise InvalidRequest("An enum column needs enumValues.", "enumValues")
    return new


async def _change_columns(tables: TableStore, head: Head, columns: Sequence[tuple[Column, str | None]]) -> Head:
    return head.with_snapshot(await run_in_thread(tables.change_columns, head.snapshot, columns))


def _get_column(head: Head, name: str) -> Column:
    column = find_column(head.snapshot.columns, name)
    if column is None:
        raise NotFound("There is no such column.")
    return column
