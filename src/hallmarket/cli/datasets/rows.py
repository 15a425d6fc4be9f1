"""Rows of a local table as JSON objects, read piece by piece: CSV, Parquet, JSON, NDJSON and Excel.

Values are passed on exactly: JSON as written in the file, CSV fields as text. A CSV field is converted to a number only
if the dataset's column holds numbers and the conversion loses nothing.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from hallmarket.cli._shared.exit_status import CommandError
from hallmarket.cli._shared.extras import require_extra
from hallmarket.delimited import find_encoding, find_separator, open_text

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 8192
# A longer line makes pyarrow fail, so this is also the maximum length of a line.
BLOCK_BYTES = 4 * 1024 * 1024
# Excel stores every number as a float, which represents integers exactly up to this.
MAX_EXACT_FLOAT = 2**53

OnBytes = Callable[[int], None]
# The dataset's columns and their PostgreSQL types.
Types = Mapping[str, str]


class Reader(NamedTuple):
    """How to read one format, and whether that needs the packages of the extra `tables`."""

    read: Callable[[Path, Types, OnBytes], Iterator[bytes]]
    needs_tables: bool


def find_reader(path: Path) -> Reader:
    """Return the reader for a file's ending; raises CommandError if there is none, or a package is not installed."""
    suffix = path.suffix.lower()
    reader = _READERS.get(suffix)
    if reader is None:
        raise CommandError(f"is not a table: its name must end in {', '.join(_READERS)}", code="UNREADABLE")
    if reader.needs_tables:
        require_extra("tables", f"reading {suffix} files")
    return reader


def read_rows(reader: Reader, path: Path, types: Types, on_bytes: OnBytes) -> Iterator[bytes]:
    """Yield a file's rows as JSON objects; raises CommandError if it is malformed.

    `on_bytes` is called with the number of bytes read.
    """
    try:
        yield from reader.read(path, types, on_bytes)
    except (msgspec.MsgspecError, ValueError, TypeError, ArithmeticError) as error:
        raise CommandError(f"cannot be read as a table: {_first_line(error)}", code="UNREADABLE") from None


def _read_csv(path: Path, types: Types, on_bytes: OnBytes) -> Iterator[bytes]:
    import pyarrow as pa
    from pyarrow import csv

    encoding = find_encoding(path)
    separator = find_separator(path, encoding)
    names = _read_header(path, encoding, separator)
    with path.open("rb") as file:
        reader = csv.open_csv(
            _CountingFile(file, on_bytes),
            read_options=csv.ReadOptions(block_size=BLOCK_BYTES, encoding=encoding.removesuffix("-sig")),
            parse_options=csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            # Every field is text; an empty field is null, "" is an empty string.
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        for batch in reader:
            yield from _encode(_convert_numbers(batch, types))


def _read_header(path: Path, encoding: str, separator: str) -> list[str]:
    import csv

    with open_text(path, encoding) as file:
        names = next(csv.reader(file, delimiter=separator), [])
    if duplicates := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"two columns are called {duplicates[0]}")
    return names


def _convert_numbers(batch: "pa.RecordBatch", types: Types) -> "pa.RecordBatch":
    """Convert text columns to their column's number type if every value of the batch is such a number."""
    import pyarrow as pa

    number_types = {
        "bigint": pa.int64(),
        "integer": pa.int64(),
        "smallint": pa.int64(),
        "double precision": pa.float64(),
    }
    arrays = []
    for name, array in zip(batch.schema.names, batch.columns, strict=True):
        column = "_".join(re.findall(r"\w+", name.lower()))
        number_type = number_types.get(types.get(column, ""))
        try:
            arrays.append(array if number_type is None else array.cast(number_type))
        except pa.ArrowInvalid:
            arrays.append(array)  # the server reports which value is wrong
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def _read_parquet(path: Path, _: Types, on_bytes: OnBytes) -> Iterator[bytes]:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        size_bytes, rows, done = path.stat().st_size, max(1, file.metadata.num_rows), 0
        for batch in file.iter_batches(BATCH_ROWS):
            yield from _encode(_to_microseconds(batch))
            on_bytes(size_bytes * (done + batch.num_rows) // rows - size_bytes * done // rows)
            done += batch.num_rows


def _to_microseconds(batch: "pa.RecordBatch") -> "pa.RecordBatch":
    """Convert times to the microseconds that a dataset stores; raises ValueError if digits would be lost."""
    import pyarrow as pa

    fields, arrays = [], []
    for field, array in zip(batch.schema, batch.columns, strict=True):
        kind = field.type
        if pa.types.is_timestamp(kind) and kind.unit == "ns":
            kind = pa.timestamp("us", kind.tz)
        elif pa.types.is_time64(kind):
            kind = pa.time64("us")
        fields.append(field.with_type(kind))
        arrays.append(array.cast(kind))
    return pa.RecordBatch.from_arrays(arrays, schema=pa.schema(fields))


def _read_json(path: Path, _: Types, on_bytes: OnBytes) -> Iterator[bytes]:
    data = path.read_bytes()
    rows = msgspec.json.decode(data, type=list[msgspec.Raw])
    on_bytes(len(data))
    yield from map(_check_object, map(bytes, rows))


def _read_ndjson(path: Path, _: Types, on_bytes: OnBytes) -> Iterator[bytes]:
    with path.open("rb") as file:
        for line in file:
            on_bytes(len(line))
            if line.strip():
                yield _check_object(line.strip())


def _read_excel(path: Path, _: Types, on_bytes: OnBytes) -> Iterator[bytes]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        header, *rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python() or [[]]
    except CalamineError as error:
        raise ValueError(str(error)) from None
    on_bytes(path.stat().st_size)
    for row in rows:
        cells = zip(header, row, strict=True)
        yield msgspec.json.encode({str(name): _cell(value) for name, value in cells if name != ""})


def _cell(value: Any) -> Any:
    """Return a cell's value; Excel has neither integers nor a difference between empty strings and empty cells."""
    if isinstance(value, float) and value.is_integer() and abs(value) < MAX_EXACT_FLOAT:
        return int(value)
    return None if value == "" else value


def _check_object(row: bytes) -> bytes:
    if not row.startswith(b"{"):
        raise ValueError("a row is not a JSON object")
    msgspec.json.decode(row, type=msgspec.Raw)
    return row


def _encode(batch: "pa.RecordBatch") -> Iterator[bytes]:
    encode: Callable[[Any], bytes] = msgspec.json.Encoder().encode
    yield from map(encode, batch.to_pylist())


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


class _CountingFile:
    """A binary file that reports the size of every read."""

    closed = False

    def __init__(self, file: Any, on_bytes: OnBytes) -> None:
        self._file, self._on_bytes = file, on_bytes

    def read(self, size_bytes: int = -1) -> bytes:
        data: bytes = self._file.read(size_bytes)
        self._on_bytes(len(data))
        return data


_READERS = {
    ".csv": Reader(_read_csv, needs_tables=True),
    ".tsv": Reader(_read_csv, needs_tables=True),
    ".parquet": Reader(_read_parquet, needs_tables=True),
    ".json": Reader(_read_json, needs_tables=False),
    ".ndjson": Reader(_read_ndjson, needs_tables=False),
    ".jsonl": Reader(_read_ndjson, needs_tables=False),
    ".xlsx": Reader(_read_excel, needs_tables=True),
}
