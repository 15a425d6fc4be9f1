"""Create a dataset: from a schema, from rows, or from a file."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import msgspec
import pyarrow as pa
from msgspec import UNSET, UnsetType

from hallmarket.server.catalog.create import create_asset
from hallmarket.server.catalog.description import check_description
from hallmarket.server.catalog.get import get_asset
from hallmarket.server.catalog.types import AssetFields
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.ids import new_id
from hallmarket.server.datasets.finish_version import FinishedVersion, finish_version, insert_version
from hallmarket.server.datasets.indexes import MAX_INDEXES, NewIndex, declare_index
from hallmarket.server.datasets.ingest_rows import accept_rows, apply_rows, check_cells, read_rows
from hallmarket.server.datasets.references import apply_references
from hallmarket.server.datasets.thread_pool import run_in_thread
from hallmarket.server.datasets.types import DATASET, CreatedDataset, Head, Index, IngestWarning, RowIngest, StoredHead
from hallmarket.server.datasets.versions import sql
from hallmarket.server.errors import DomainError, InvalidRequest, Unavailable
from hallmarket.server.principal import Principal
from hallmarket.server.tables.columns import MAX_COLUMNS, declare_columns, get_column, read_enum_values
from hallmarket.server.tables.create_table import parse_create_table
from hallmarket.server.tables.store import TableStore
from hallmarket.server.tables.type_inference import infer_json_columns
from hallmarket.server.tables.types import Column, Snapshot


class Metadata(msgspec.Struct, frozen=True):
    """What the official client says of a dataset's columns: their names in order, as they are spelled."""

    columns: list[Any] | None = None
    refs: dict[str, Any] | None = None
    enum_columns: dict[str, Any] | None = None


class NewDataset(AssetFields, frozen=True):
    """What a new dataset is to be. `schema` is a CREATE TABLE text; without one the rows tell the columns."""

    schema: str | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    rows: msgspec.Raw | UnsetType = UNSET
    refs: dict[str, Any] | UnsetType | None = UNSET
    enum_columns: dict[str, Any] | UnsetType | None = UNSET
    indexes: list[NewIndex] | UnsetType | None = UNSET


class CreateDataset(msgspec.Struct, frozen=True):
    """The body of `POST /datasets/create/from-schema`."""

    dataset: NewDataset


_read_create = msgspec.json.Decoder(CreateDataset).decode
NO_METADATA = Metadata()


async def create_from_schema(
    database: Database, tables: TableStore, principal: Principal, body: bytes
) -> CreatedDataset:
    """Create a dataset, with its rows if they are sent: all of it, or nothing.

    Raises InvalidRequest, Forbidden, NotFound for a parent, Conflict where values must be unique, Unavailable.
    """
    wanted = await check_description((await run_in_thread(_read, body)).dataset)
    rows = None if wanted.rows is UNSET or wanted.rows == b"null" else wanted.rows
    columns = await run_in_thread(_declare, wanted, rows)
    dataset_id = new_id()
    head = _new_head(dataset_id, columns, _declare_indexes(columns, wanted))
    counts, warning = None, None
    if rows is not None:
        taken = await accept_rows(database, principal, columns, rows, empty=True)
        head = msgspec.structs.replace(head, snapshot=Snapshot(dataset_id, taken.columns))
        warning = taken.warning
    try:
        if rows is not None:
            head, counts = await run_in_thread(apply_rows, tables, head, "append", taken)
            head = await _sorted(tables, head)
        await _keep(database, principal, wanted, await finish_version(tables, head), dataset_id)
    except DomainError:
        await run_in_thread(delete_table_files, tables, dataset_id)
        raise
    return await _answer(database, principal, dataset_id, counts, warning)


async def prepare_dataset(
    database: Database, tables: TableStore, principal: Principal, wanted: NewDataset
) -> tuple[UUID, FinishedVersion]:
    """The id and the first version of a dataset of rows that tell their columns, written and not yet kept.

    Raises InvalidRequest, Unavailable; then nothing stays.
    """
    assert isinstance(wanted.rows, msgspec.Raw)
    columns = await run_in_thread(_declare, wanted, wanted.rows)
    taken = await accept_rows(database, principal, columns, wanted.rows, empty=True)
    dataset_id = new_id()
    head = _new_head(dataset_id, taken.columns, ())
    try:
        head, _ = await run_in_thread(apply_rows, tables, head, "append", taken)
        return dataset_id, await finish_version(tables, head)
    except DomainError:
        await run_in_thread(delete_table_files, tables, dataset_id)
        raise


async def create_from_batches(
    database: Database,
    tables: TableStore,
    principal: Principal,
    wanted: NewDataset,
    columns: tuple[Column, ...],
    batches: Callable[[], Iterable[pa.RecordBatch]],
) -> CreatedDataset:
    """Create a dataset of rows that are columns already. Raises as `create_from_schema`."""
    wanted = await check_description(wanted)
    dataset_id = new_id()
    head = _new_head(dataset_id, columns, _declare_indexes(columns, wanted))
    try:
        head = await run_in_thread(lambda: head.with_snapshot(tables.append(head.snapshot, batches())))
        for index in head.indexes:
            if index.is_unique:
                await run_in_thread(tables.verify_unique, head.snapshot, index.columns)
        head = await _sorted(tables, head)
        await _keep(database, principal, wanted, await finish_version(tables, head), dataset_id)
    except DomainError:
        await run_in_thread(delete_table_files, tables, dataset_id)
        raise
    return await _answer(database, principal, dataset_id, RowIngest(head.snapshot.rows), None)


def _new_head(dataset_id: UUID, columns: tuple[Column, ...], indexes: Sequence[Index]) -> Head:
    return Head(Snapshot(dataset_id, columns), 0, None, True, None, None, indexes)


async def _sorted(tables: TableStore, head: Head) -> Head:
    return head.with_snapshot(await run_in_thread(tables.sort, head.snapshot, head.order)) if head.order else head


async def _keep(
    database: Database, principal: Principal, fields: AssetFields, finished: FinishedVersion, dataset_id: UUID
) -> None:
    async with database.transaction() as tx:
        await insert_dataset(tx, principal, fields, finished, dataset_id)


async def insert_dataset(
    tx: Connection, principal: Principal, fields: AssetFields, finished: FinishedVersion, dataset_id: UUID
) -> None:
    """The asset, the dataset and its first version. Raises as `create_asset`."""
    head = finished.head
    kept = StoredHead(head.snapshot.columns, head.snapshot.files, head.is_new)
    await create_asset(tx, principal, "dataset", fields, asset_id=dataset_id)
    text = msgspec.json.encode(kept).decode()
    await tx.execute(sql.create_dataset, dataset_id, text, head.key, head.version)
    for index in head.indexes:
        await tx.execute(sql.create_index, dataset_id, index.name, list(index.columns), index.is_unique)
    await insert_version(tx, finished, dataset_id, principal.person_id, principal)


async def _answer(
    database: Database, principal: Principal, dataset_id: UUID, counts: RowIngest | None, warning: IngestWarning | None
) -> CreatedDataset:
    async with database.connection() as connection:
        return CreatedDataset(await get_asset(connection, principal, dataset_id, DATASET), counts, warning)


def delete_table_files(tables: TableStore, dataset_id: UUID) -> None:
    """Clear away the files of a dataset that was not made."""
    with suppress(Unavailable):  # then a sweep does it
        tables.delete(dataset_id)


def _declare(wanted: NewDataset, rows: msgspec.Raw | None) -> tuple[Column, ...]:
    """The columns a new dataset is to have. Raises InvalidRequest."""
    metadata = wanted.metadata or NO_METADATA
    if wanted.schema:
        names, types = parse_create_table(wanted.schema)
        columns = declare_columns(metadata.columns or names, types)
    elif rows is not None:
        read = [dict(row) for row in read_rows(rows)]
        check_cells(read, min(len(set().union(*read)), MAX_COLUMNS))  # of more columns it is said that there are
        columns = infer_json_columns([read])
    else:
        raise InvalidRequest("A dataset needs a schema, or rows that tell it.", "schema")
    return promote(columns, wanted.refs or metadata.refs, wanted.enum_columns or metadata.enum_columns)


def promote(
    columns: tuple[Column, ...], refs: dict[str, Any] | UnsetType | None, enums: dict[str, Any] | UnsetType | None
) -> tuple[Column, ...]:
    """The columns with what is declared of references and enums. Raises InvalidRequest."""
    if refs:
        columns = apply_references(columns, refs)
    if enums:
        values = {get_column(columns, name).name: read_enum_values(said, name) for name, said in enums.items()}
        columns = tuple(
            msgspec.structs.replace(one, type="text", enum_values=values[one.name]) if one.name in values else one
            for one in columns
        )
    return columns


def _declare_indexes(columns: tuple[Column, ...], wanted: NewDataset) -> list[Index]:
    indexes: list[Index] = []
    for said in wanted.indexes or ():
        index = declare_index(columns, said)
        if index.columns not in {one.columns for one in indexes}:
            indexes.append(index)
    if len(indexes) > MAX_INDEXES:
        raise InvalidRequest(f"A dataset has at most {MAX_INDEXES} indexes.", "indexes")
    return indexes


def _read(body: bytes) -> CreateDataset:
    try:
        return _read_create(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidRequest(f"The body is no JSON that this path takes: {error}.", "body") from None
