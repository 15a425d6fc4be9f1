"""Reads an uploaded Parquet file in batches, because it may be much larger than memory."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.tables.coerce_values import coerce_values
from hallmarket.server.tables.column_types import arrow_type, column_type_of
from hallmarket.server.tables.columns import declare_columns
from hallmarket.server.tables.types import Column, arrow_schema
from hallmarket.server.tables.uploaded_table import BATCH_ROWS, MAX_UNPACKED_BYTES, UploadedTable, to_json_value


def read_parquet(path: Path) -> UploadedTable:
    """Read a Parquet file with the columns that it declares. Raises InvalidRequest."""
    try:
        with pq.ParquetFile(path) as opened:
            schema, largest_bytes = opened.schema_arrow, _largest_chunk_bytes(opened.metadata)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(error) from None
    if largest_bytes > MAX_UNPACKED_BYTES:
        raise InvalidRequest(
            f"A column of one row group has {largest_bytes >> 20} MiB when unpacked;"
            f" the limit is {MAX_UNPACKED_BYTES >> 20} MiB. Write the file with smaller row groups.",
            "file",
        )
    columns = declare_columns(schema.names, [column_type_of(field.type) for field in schema])
    return UploadedTable(columns, lambda: _read_batches(path, columns))


def _largest_chunk_bytes(metadata: Any) -> int:
    """The largest unpacked size of a column in a row group, as the file states it."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    return max(
        (group.column(index).total_uncompressed_size for group in groups for index in range(group.num_columns)),
        default=0,
    )


def _read_batches(path: Path, columns: Sequence[Column]) -> Iterator[pa.RecordBatch]:
    schema, row = arrow_schema(columns), 1
    try:
        with pq.ParquetFile(path) as opened:
            for batch in opened.iter_batches(BATCH_ROWS):
                arrays = [_coerce(column, array, row) for column, array in zip(columns, batch.columns, strict=True)]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)
                row += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(error) from None


def _coerce(column: Column, array: pa.Array, first_row: int) -> pa.Array:
    """Convert a column to its type: as a whole where Arrow can do so without loss, and value by value where not."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    target = arrow_type(column.type)
    if not pa.types.is_time(array.type) and not pa.types.is_floating(array.type):
        try:
            return array.cast(target)
        except pa.ArrowException:
            pass
    return coerce_values(column, [to_json_value(value) for value in array.to_pylist()], first_row)


def _unreadable(error: Exception) -> InvalidRequest:
    return InvalidRequest(f"The file is not a complete Parquet file: {error}", "file")
