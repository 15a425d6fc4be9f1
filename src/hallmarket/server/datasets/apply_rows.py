"""Apply accepted rows to a dataset's head, and check its constraints: not null, the key, and unique indexes."""

import msgspec
import pyarrow.compute as pc

from hallmarket.server.datasets.accept_rows import AcceptedRows
from hallmarket.server.datasets.types import Head, Mode, RowIngest
from hallmarket.server.errors import Conflict, InvalidRequest
from hallmarket.server.tables.store import KEY_COLUMN, TableStore
from hallmarket.server.tables.types import Snapshot


def apply_rows(tables: TableStore, head: Head, mode: Mode, rows: AcceptedRows) -> tuple[Head, RowIngest]:
    """Return a head that includes the rows, and their counts. Blocks. Raises InvalidRequest, Conflict, Unavailable."""
    old = msgspec.structs.replace(head.snapshot, columns=rows.columns)
    inserted, updated, skipped = rows.table.num_rows, 0, rows.skipped
    if mode == "append":
        _verify_not_null(rows, head.key)
        new = head.with_snapshot(tables.append(old, rows.table.to_batches()))
    elif mode == "overwrite":
        _verify_not_null(rows, None)
        # Finishing the version chooses the key anew.
        new = msgspec.structs.replace(head, key=None).with_snapshot(
            tables.overwrite(old, rows.table.to_batches()), is_new=True
        )
    else:
        key = head.key or _choose_key(tables, head)
        if key not in rows.sent:
            raise InvalidRequest(f"Every row needs its key, {key}.", key)
        if mode == "upsert":
            _verify_not_null(rows, key)
            snapshot, inserted, updated = tables.upsert(old, key, rows.table)
        else:
            snapshot, updated, unknown = tables.update(old, key, rows.table, rows.sent)
            inserted, skipped = 0, skipped + unknown
            _verify_not_null(rows, key, only_sent=True)
        new = msgspec.structs.replace(head, key=key).with_snapshot(snapshot)
    _verify_unique(tables, head, new, mode)
    return new, RowIngest(inserted, updated, skipped)


def _verify_unique(tables: TableStore, old: Head, new: Head, mode: Mode) -> None:
    """Raises Conflict if the key or a unique index has repeated values."""
    only_added = mode == "append"
    if new.key is not None and only_added:  # upserts and updates keep the key unique
        _verify_unique_key(tables, new.snapshot, old.snapshot, new.key)
    for index in new.indexes:
        if index.is_unique:
            tables.verify_unique(new.snapshot, index.columns, old.snapshot if only_added else None)


def _verify_unique_key(tables: TableStore, new: Snapshot, old: Snapshot, key: str) -> None:
    try:
        tables.verify_unique(new, (key,), old)
    except Conflict as error:
        raise Conflict(f"{error.message} Use upsert to change existing rows.") from None


def _verify_not_null(rows: AcceptedRows, key: str | None, *, only_sent: bool = False) -> None:
    """Raises InvalidRequest for a null in the key or in a column that must have values.

    With `only_sent`, values that the request left out do not count.
    """
    for column in rows.columns:
        if (column.nullable and column.name != key) or (only_sent and column.name not in rows.sent):
            continue
        nulls = rows.table.column(column.name).is_null().combine_chunks()
        mask = rows.sent.get(column.name) if only_sent else None
        position = pc.index(nulls if mask is None else pc.and_(nulls, mask), True).as_py()
        if position >= 0:
            raise InvalidRequest(f"Column {column.name}, row {position + 1}: the value must not be null.", column.name)


def _choose_key(tables: TableStore, head: Head) -> str:
    """Return the column `id` as the key of a table that has none, if it can be one. Raises InvalidRequest."""
    if not tables.can_be_key(head.snapshot):
        raise InvalidRequest(
            "Upserts and updates need a key: a column named id whose values are unique and not null.", "mode"
        )
    return KEY_COLUMN
