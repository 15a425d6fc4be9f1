"""CSV as an upload, in pieces: it may be far larger than memory.

It is looked at twice: once from end to end for the types, so that no late line is refused for a guess made early, and
once for the rows.
"""

import csv
import itertools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from hallmarket.delimited import find_encoding, find_separator, open_text
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.tables.coerce import coerce_values
from hallmarket.server.tables.declare import declare_columns
from hallmarket.server.tables.ladder import Ladder
from hallmarket.server.tables.types import Column, arrow_schema, arrow_type
from hallmarket.server.tables.upload import BATCH_ROWS, MAX_FIELD_LENGTH, Upload


def read_csv(path: Path) -> Upload:
    """Fields by separator, the first line naming the columns. Raises InvalidRequest."""
    encoding = find_encoding(path)
    try:
        separator = find_separator(path, encoding)
    except UnicodeError as error:
        raise InvalidRequest(f"The file is not the text it begins as: {error}.", "file") from None
    rows = _csv_rows(path, encoding, separator)
    header = next(rows, (0, []))[1]
    if not any(name.strip() for name in header):
        raise InvalidRequest("The file is empty: its first line must name the columns.", "file")
    kinds = _infer(len(header), rows)
    columns = declare_columns([name.strip() for name in header], kinds)
    return Upload(columns, lambda: _csv_batches(path, encoding, separator, columns))


def _csv_rows(path: Path, encoding: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Each row with the number of the line it ends on, the header first; blank lines are no rows."""
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
                        f"Line {reader.line_num} has {len(row)} fields, the first line has {width}.", "file"
                    )
                yield reader.line_num, row
        except (csv.Error, UnicodeError) as error:
            raise InvalidRequest(f"Line {reader.line_num + 1}: {error}.", "file") from None


def _infer(width: int, rows: Iterable[tuple[int, Sequence[str]]]) -> list[str]:
    """For each column the narrowest type that every value has; whole numbers with leading zeros are text."""
    ladders = [Ladder() for _ in range(width)]
    while chunk := list(itertools.islice(rows, BATCH_ROWS)):
        for place, ladder in enumerate(ladders):
            ladder.see(row[place] for _, row in chunk)
    return [ladder.type for ladder in ladders]


def _csv_batches(path: Path, encoding: str, separator: str, columns: Sequence[Column]) -> Iterator[pa.RecordBatch]:
    rows = _csv_rows(path, encoding, separator)
    next(rows, None)
    schema = arrow_schema(columns)
    while chunk := list(itertools.islice(rows, BATCH_ROWS)):
        lines = [line for line, _ in chunk]
        arrays = [_texts(column, [row[place] for _, row in chunk], lines) for place, column in enumerate(columns)]
        yield pa.RecordBatch.from_arrays(arrays, schema=schema)


def _texts(column: Column, values: Sequence[str], lines: Sequence[int]) -> pa.Array:
    """A column of texts as what they are; an empty one is null."""
    array = pa.array(values, pa.string())
    if column.type == "text":
        return pc.if_else(pc.equal(array, ""), None, array)
    array = pc.utf8_trim_whitespace(array)
    array = pc.if_else(pc.equal(array, ""), None, array)
    try:
        if column.type in ("bigint", "double precision", "boolean"):
            return pc.replace_substring_regex(array, r"^\+", "").cast(arrow_type(column.type))
    except pa.ArrowException:
        pass
    return coerce_values(column, array.to_pylist(), lines[0])
