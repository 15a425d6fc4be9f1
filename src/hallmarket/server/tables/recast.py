"""Converts the rows of a table to other columns, when columns are added, dropped, renamed or change their type."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime

import pyarrow as pa

from hallmarket.server.tables.coerce_values import coerce_values, verify_enum
from hallmarket.server.tables.column_types import arrow_type
from hallmarket.server.tables.types import Column, arrow_schema


def recast_batches(
    batches: Iterable[pa.RecordBatch],
    columns: Sequence[tuple[Column, str | None]],
    old_columns: Mapping[str, Column],
    first_row: int,
) -> Iterator[pa.RecordBatch]:
    """Convert batches to columns that each come with the name of their old column, or None to be null.

    Raises InvalidRequest with the value that does not fit; rows are counted from `first_row`.
    """
    schema = arrow_schema([column for column, _ in columns])
    row = first_row
    for batch in batches:
        arrays = [
            pa.nulls(batch.num_rows, arrow_type(column.type))
            if source is None
            else _cast(old_columns[source], column, batch.column(source), row)
            for column, source in columns
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)
        row += batch.num_rows


def _cast(source: Column, target: Column, array: pa.Array, first_row: int) -> pa.Array:
    if source.type == target.type:
        if target.enum_values is not None and target.enum_values != source.enum_values:
            verify_enum(target, array, first_row)
        return array
    values = [value.isoformat() if isinstance(value, date | datetime) else value for value in array.to_pylist()]
    if target.type == "text":
        values = [value if value is None or isinstance(value, bool) else str(value) for value in values]
    return coerce_values(target, values, first_row)
