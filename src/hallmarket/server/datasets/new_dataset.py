"""The request for a new dataset: its fields, and the columns and indexes that it declares."""

from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from hallmarket.server.catalog.types import AssetFields
from hallmarket.server.datasets.accept_rows import decode_rows, verify_cell_count
from hallmarket.server.datasets.indexes import MAX_INDEXES, NewIndex, declare_index
from hallmarket.server.datasets.references import declare_references
from hallmarket.server.datasets.thread_pool import run_in_thread
from hallmarket.server.datasets.types import Index
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.tables.columns import MAX_COLUMNS, declare_columns, get_column, read_enum_values
from hallmarket.server.tables.create_table import parse_create_table
from hallmarket.server.tables.type_inference import infer_json_columns
from hallmarket.server.tables.types import Column


class Metadata(msgspec.Struct, frozen=True):
    """The metadata that the official client sends: the columns' names in order and in their original spelling."""

    columns: list[Any] | None = None
    refs: dict[str, Any] | None = None
    enum_columns: dict[str, Any] | None = None


class NewDataset(AssetFields, frozen=True):
    """The fields of a new dataset. `schema` is a CREATE TABLE statement; without it the rows determine the columns."""

    schema: str | UnsetType | None = UNSET
    metadata: Metadata | UnsetType | None = UNSET
    rows: msgspec.Raw | UnsetType = UNSET
    refs: dict[str, Any] | UnsetType | None = UNSET
    enum_columns: dict[str, Any] | UnsetType | None = UNSET
    indexes: list[NewIndex] | UnsetType | None = UNSET

    @property
    def sent_rows(self) -> msgspec.Raw | None:
        """The rows in the request; None if it has none, or null."""
        return None if self.rows is UNSET or self.rows == b"null" else self.rows


class CreateDataset(msgspec.Struct, frozen=True):
    """The body of `POST /datasets/create/from-schema`."""

    dataset: NewDataset


_decode = msgspec.json.Decoder(CreateDataset).decode
NO_METADATA = Metadata()


async def read_new_dataset(body: bytes) -> NewDataset:
    """Read the body of a request that creates a dataset, in a thread. Raises InvalidRequest."""
    try:
        return (await run_in_thread(_decode, body)).dataset
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidRequest(f"The body is not valid JSON for this path: {error}.", "body") from None


def declare_dataset_columns(request: NewDataset) -> tuple[Column, ...]:
    """Return the columns that a request declares, or that its rows determine. Blocks. Raises InvalidRequest."""
    metadata = request.metadata or NO_METADATA
    if request.schema:
        names, types = parse_create_table(request.schema)
        columns = declare_columns(metadata.columns or names, types)
    elif request.sent_rows is not None:
        rows = [dict(row) for row in decode_rows(request.sent_rows)]
        # More than MAX_COLUMNS columns get an error of their own below.
        verify_cell_count(rows, min(len(set().union(*rows)), MAX_COLUMNS))
        columns = infer_json_columns([rows])
    else:
        raise InvalidRequest("A dataset needs a schema, or rows that determine its columns.", "schema")
    refs, enums = request.refs or metadata.refs, request.enum_columns or metadata.enum_columns
    return declare_references_and_enums(columns, refs, enums)


def declare_references_and_enums(
    columns: tuple[Column, ...], refs: dict[str, Any] | UnsetType | None, enums: dict[str, Any] | UnsetType | None
) -> tuple[Column, ...]:
    """Return the columns with the references and enums that a request declares. Raises InvalidRequest."""
    if refs:
        columns = declare_references(columns, refs)
    if enums:
        values = {get_column(columns, name).name: read_enum_values(value, name) for name, value in enums.items()}
        columns = tuple(
            msgspec.structs.replace(column, type="text", enum_values=values[column.name])
            if column.name in values
            else column
            for column in columns
        )
    return columns


def declare_indexes(columns: tuple[Column, ...], request: NewDataset) -> list[Index]:
    """Return the indexes that a request declares, without repetitions. Raises InvalidRequest."""
    indexes: list[Index] = []
    for new_index in request.indexes or ():
        index = declare_index(columns, new_index)
        if index.columns not in {earlier.columns for earlier in indexes}:
            indexes.append(index)
    if len(indexes) > MAX_INDEXES:
        raise InvalidRequest(f"A dataset can have at most {MAX_INDEXES} indexes.", "indexes")
    return indexes
