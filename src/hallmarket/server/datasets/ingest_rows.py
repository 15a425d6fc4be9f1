"""Rows into a dataset: appended, in place of all others, or by key."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.references import check_references, loosened, warn
from hallmarket.server.datasets.thread_pool import run_in_thread
from hallmarket.server.datasets.types import Head, IngestResult, IngestWarning, Mode, RowIngest
from hallmarket.server.datasets.write import write
from hallmarket.server.errors import Conflict, InvalidRequest, PayloadTooLarge
from hallmarket.server.principal import Principal
from hallmarket.server.tables.coerce_rows import CoercedRows, Row, coerce_rows
from hallmarket.server.tables.store import KEY_COLUMN, TableStore
from hallmarket.server.tables.type_inference import correct_bigint_columns
from hallmarket.server.tables.types import Column

Sent = dict[str, pa.Array | None]
MAX_CELLS = 20_000_000  # ten times what a body has room for if every row has every column


class Ingest(msgspec.Struct, frozen=True):
    """The body of `POST /datasets/{id}/data`; the rows stay text until it is known what their numbers are to be."""

    rows: msgspec.Raw
    mode: Mode = "append"
    finalize: bool | None = True


class AcceptedRows(msgspec.Struct, frozen=True):
    """Rows that are good, as columns, with the columns that were sent; and what is to be said of the rest."""

    columns: tuple[Column, ...]
    table: pa.Table
    sent: Sent
    skipped: int
    warning: IngestWarning | None


_read_rows = msgspec.json.Decoder(list[dict[str, Any]]).decode
# Only where there are exact decimals: a double would round them, and making decimals of all takes longer.
_read_exact_rows = msgspec.json.Decoder(list[dict[str, Any]], float_hook=Decimal).decode
_read_ingest = msgspec.json.Decoder(Ingest).decode


async def ingest_rows(
    database: Database, tables: TableStore, principal: Principal, dataset_id: UUID, body: bytes
) -> IngestResult:
    """Write the rows of a request; they are durable when this returns.

    Without `finalize` they are pending: nobody reads them before the write that has it. Raises NotFound, Forbidden,
    Locked, InvalidRequest naming column, row and value, Conflict where values must be unique, Unavailable.
    """
    wanted = await run_in_thread(_read, body)
    counts = [RowIngest()]
    warnings: list[IngestWarning | None] = [None]

    async def change(head: Head) -> Head:
        taken = await accept_rows(database, principal, head.snapshot.columns, wanted.rows, empty=not head.snapshot.rows)
        new, counts[0] = await run_in_thread(apply_rows, tables, head, wanted.mode, taken)
        warnings[0] = taken.warning
        return new

    await write(database, tables, principal, dataset_id, change, finalize=wanted.finalize is not False)
    return IngestResult(counts[0], counts[0], warnings[0])


async def accept_rows(
    database: Database, principal: Principal, columns: tuple[Column, ...], raw: msgspec.Raw, *, empty: bool
) -> AcceptedRows:
    """Rows as the columns take them. The types of an `empty` table settle with its first rows."""
    columns, rows = await run_in_thread(_coerce, columns, raw, empty)
    async with database.connection() as connection:
        checked = await check_references(connection, principal, columns, rows.table)
    sent = rows.sent
    if checked.chosen is not None:
        sent = {name: None if mask is None else mask.take(checked.chosen) for name, mask in sent.items()}
    skipped = rows.table.num_rows - checked.table.num_rows
    return AcceptedRows(columns, checked.table, sent, skipped, warn(rows.ignored, checked.refs))


def _coerce(columns: tuple[Column, ...], raw: msgspec.Raw, empty: bool) -> tuple[tuple[Column, ...], CoercedRows]:
    rows = read_rows(raw, exact=any(column.type.startswith("numeric") for column in columns))
    check_cells(rows, len(columns))
    if empty:
        columns = correct_bigint_columns(columns, rows)
    return columns, coerce_rows(loosened(columns), rows)


def read_rows(raw: msgspec.Raw | bytes, *, exact: bool = False) -> Sequence[Row]:
    """Rows from JSON; `exact` where a number with a point must not pass through a double. Raises InvalidRequest."""
    try:
        return (_read_exact_rows if exact else _read_rows)(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidRequest(f"rows must be a list of objects: {error}.", "rows") from None


def check_cells(rows: Sequence[Row], columns: int) -> None:
    """Raises PayloadTooLarge for rows that are few bytes, and would be many values: what is left out is null."""
    if len(rows) * columns > MAX_CELLS:
        raise PayloadTooLarge(
            f"{len(rows)} rows of {columns} columns are too many at once: send at most {MAX_CELLS:,} values.",
            {"limitValues": MAX_CELLS},
        )


def apply_rows(tables: TableStore, head: Head, mode: Mode, taken: AcceptedRows) -> tuple[Head, RowIngest]:
    """A head with rows in it, and what became of them. Blocks. Raises InvalidRequest, Conflict, Unavailable."""
    old = msgspec.structs.replace(head.snapshot, columns=taken.columns)
    inserted, updated, skipped = taken.table.num_rows, 0, taken.skipped
    if mode == "append":
        _check_nulls(taken, head.key)
        new = head.with_snapshot(tables.append(old, taken.table.to_batches()))
    elif mode == "overwrite":
        _check_nulls(taken, None)
        # Begun anew: which column is the key is seen when it is finished.
        new = msgspec.structs.replace(head, key=None).with_snapshot(
            tables.overwrite(old, taken.table.to_batches()), is_new=True
        )
    else:
        key = head.key or _find_key(tables, head)
        if key not in taken.sent:
            raise InvalidRequest(f"Every row needs its key, {key}.", key)
        if mode == "upsert":
            _check_nulls(taken, key)
            snapshot, inserted, updated = tables.upsert(old, key, taken.table)
        else:
            snapshot, updated, unknown = tables.update(old, key, taken.table, taken.sent)
            inserted, skipped = 0, skipped + unknown
            _check_nulls(taken, key, only_sent=True)
        new = msgspec.structs.replace(head, key=key).with_snapshot(snapshot)
    check_promises(tables, head, new, mode)
    return new, RowIngest(inserted, updated, skipped)


def check_promises(tables: TableStore, old: Head, new: Head, mode: Mode) -> None:
    """Raises Conflict if what must be unique is not any more."""
    only_added = mode == "append"
    if new.key is not None and only_added:  # upserts and updates go by it, so it stays unique
        _check_unique(tables, new, (new.key,), old, "Use upsert to change rows that are there.")
    for index in new.indexes:
        if index.is_unique:
            tables.verify_unique(new.snapshot, index.columns, old.snapshot if only_added else None)


def _check_unique(tables: TableStore, new: Head, columns: Sequence[str], old: Head, hint: str) -> None:
    try:
        tables.verify_unique(new.snapshot, columns, old.snapshot)
    except Conflict as error:
        raise Conflict(f"{error.message} {hint}") from None


def _check_nulls(taken: AcceptedRows, key: str | None, *, only_sent: bool = False) -> None:
    """Raises InvalidRequest for a null in the key or in a column that takes none; of an update, where it was sent."""
    for column in taken.columns:
        if (column.nullable and column.name != key) or (only_sent and column.name not in taken.sent):
            continue
        nulls = taken.table.column(column.name).is_null().combine_chunks()
        mask = taken.sent.get(column.name) if only_sent else None
        at = pc.index(nulls if mask is None else pc.and_(nulls, mask), True).as_py()
        if at >= 0:
            raise InvalidRequest(f"Column {column.name}, row {at + 1}: it takes no null.", column.name)


def _find_key(tables: TableStore, head: Head) -> str:
    """The key of a table that has none yet, if its column `id` can be one. Raises InvalidRequest."""
    if not tables.can_be_key(head.snapshot):
        raise InvalidRequest(
            "Upserts and updates need a key: a column named id whose values are unique and not null.", "mode"
        )
    return KEY_COLUMN


def _read(body: bytes) -> Ingest:
    try:
        return _read_ingest(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidRequest(f"The body is no JSON that this path takes: {error}.", "body") from None
