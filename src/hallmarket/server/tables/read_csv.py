"""Reads CSV in batches, because a file may be much larger than memory.

The file is read twice: once to the end for the types, so that a value near the end cannot contradict a type inferred
from the beginning, and once for the rows.
"""

import csv
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from hallmarket.delimited import find_encoding, find_separator, open_text
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.tables.coerce_values import coerce_values
from hallmarket.server.tables.column_types import arrow_type
from hallmarket.server.tables.columns import declare_columns
from hallmarket.server.tables.type_inference import infer_csv_types
from hallmarket.server.tables.types import Column, arrow_schema
from hallmarket.server.tables.uploaded_table import BATCH_ROWS, MAX_FIELD_LENGTH, UploadedTable


def read_csv(path: Path) -> UploadedTable:
    """Read a file of separated fields, whose first line names the columns. Raises InvalidRequest."""
    encoding = find_encoding(path)
    try:
        separator = find_separator(path, encoding)
    except UnicodeError as error:
        raise InvalidRequest(f"The file cannot be decoded as text: {error}.", "file") from None
    rows = _read_rows(path, encoding, separator)
    header = next(rows, (0, []))[1]
    if not any(name.strip() for name in header):
        raise InvalidRequest("The file is empty. Its first line must name the columns.", "file")
    types = infer_csv_types(len(header), (row for _, row in rows))
    columns = declare_columns([name.strip() for name in header], types)
    return UploadedTable(columns, lambda: _read_batches(path, encoding, separator, columns))


def _read_rows(path: Path, encoding: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield each row with the number of the line it ends on, the header first. Blank lines are skipped."""
    csv.field_size_limit(MAX_FIELD_LENGTH)
    width = 0
    with open_text(path, encoding) as text:
        reader = csv.reader(text, delimiter=separator, strict=True)
        try:
            for row in reader:
                if not row:
                    continue
                width = width or len(row)
                if len(row) != width:
                    raise InvalidRequest(
                        f"Line {reader.line_num} has {len(row)} fields, but the first line has {width}.", "file"
                    )
                yield reader.line_num, row
        except (csv.Error, UnicodeError) as error:
            raise InvalidRequest(f"Line {reader.line_num + 1}: {error}.", "file") from None


def _read_batches(path: Path, encoding: str, separator: str, columns: Sequence[Column]) -> Iterator[pa.RecordBatch]:
    rows = _read_rows(path, encoding, separator)
    next(rows, None)
    schema = arrow_schema(columns)
    while chunk := list(itertools.islice(rows, BATCH_ROWS)):
        first_line = chunk[0][0]
        arrays = [
            _coerce_fields(column, [row[index] for _, row in chunk], first_line) for index, column in enumerate(columns)
        ]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _coerce_fields(column: Column, fields: Sequence[str], first_line: int) -> pa.Array:
    """Convert the fields of a column to its type; an empty one is null."""
    array = pa.array(fields, pa.string())
    if column.type == "text":
        return pc.if_else(pc.equal(array, ""), None, array)
    array = pc.utf8_trim_whitespace(array)
    array = pc.if_else(pc.equal(array, ""), None, array)
    try:
        if column.type in ("bigint", "double precision", "boolean"):
            return pc.replace_substring_regex(array, r"^\+", "").cast(arrow_type(column.type))
    except pa.ArrowException:
        pass
    return coerce_values(column, array.to_pylist(), first_line)
