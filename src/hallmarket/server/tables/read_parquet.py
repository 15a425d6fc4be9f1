"""Parquet as an upload, in pieces: it may be far larger than memory."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.tables.coerce import coerce_values
from hallmarket.server.tables.declare import declare_columns
from hallmarket.server.tables.types import Column, arrow_schema, arrow_type, type_of_arrow
from hallmarket.server.tables.upload import BATCH_ROWS, MAX_UNPACKED_BYTES, Upload, plain


def read_parquet(path: Path) -> Upload:
    """The columns as Parquet declares them. Raises InvalidRequest."""
    try:
        with pq.ParquetFile(path) as opened:
            given, most = opened.schema_arrow, _largest_chunk(opened.metadata)
    except (pa.ArrowException, OSError) as error:
        raise InvalidRequest(f"The file is no whole Parquet: {error}", "file") from None
    if most > MAX_UNPACKED_BYTES:
        raise InvalidRequest(
            f"A row group has {most >> 20} MiB in one column, unpacked; write smaller ones, up to"
            f" {MAX_UNPACKED_BYTES >> 20} MiB.",
            "file",
        )
    columns = declare_columns(given.names, [type_of_arrow(field.type) for field in given])
    return Upload(columns, lambda: _parquet_batches(path, columns))


def _largest_chunk(metadata: Any) -> int:
    """The most that one column of one row group takes unpacked, in bytes, by the file's own word."""
    groups = [metadata.row_group(number) for number in range(metadata.num_row_groups)]
    return max(
        (group.column(place).total_uncompressed_size for group in groups for place in range(group.num_columns)),
        default=0,
    )


def _parquet_batches(path: Path, columns: Sequence[Column]) -> Iterator[pa.RecordBatch]:
    schema, row = arrow_schema(columns), 1
    try:
        with pq.ParquetFile(path) as opened:
            for batch in opened.iter_batches(BATCH_ROWS):
                arrays = [_taken(column, array, row) for column, array in zip(columns, batch.columns, strict=True)]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)
                row += batch.num_rows
    except (pa.ArrowException, OSError) as error:
        raise InvalidRequest(f"The file is no whole Parquet: {error}", "file") from None


def _taken(column: Column, array: pa.Array, first_row: int) -> pa.Array:
    """Another program's values as ours; what Arrow cannot cast without a loss is looked at one by one."""
    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    target = arrow_type(column.type)
    if not pa.types.is_time(array.type) and not pa.types.is_floating(array.type):
        try:
            return array.cast(target)
        except pa.ArrowException:
            pass
    return coerce_values(column, [plain(value) for value in array.to_pylist()], first_row)
