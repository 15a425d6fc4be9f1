"""Rows of a local table as JSON objects: CSV, Parquet, JSON, NDJSON and Excel files, read piece by piece.

A value is passed on exactly: JSON as it stands in the file, a CSV as text, save where its column is known to hold
numbers, which are tried without loss.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from hallmarket.cli._shared.exit_status import CommandError
from hallmarket.delimited import find_encoding, find_separator, open_text

if TYPE_CHECKING:
    import pyarrow as pa

BATCH_ROWS = 8192
# A line of a JSON file may be long, but is no file.
BLOCK_BYTES = 4 * 1024 * 1024

OnBytes = Callable[[int], None]
Types = Mapping[str, str]


def read_rows(path: Path, types: Types, on_bytes: OnBytes) -> Iterator[bytes]:
    """Yield a file's rows as JSON objects; `types` are known columns' types in PostgreSQL's words.

    `on_bytes` hears how much of the file has been read. Raises CommandError for what is no table.
    """
    reader = _READERS.get(path.suffix.lower())
    if reader is None:
        raise CommandError(f"is no table: its name must end in {', '.join(_READERS)}", code="UNREADABLE")
    try:
        yield from reader(path, types, on_bytes)
    except (msgspec.MsgspecError, ValueError, TypeError, ArithmeticError) as error:
        raise CommandError(f"cannot be read as a table: {_first_line(error)}", code="UNREADABLE") from None


def _csv(path: Path, types: Types, on_bytes: OnBytes) -> Iterator[bytes]:
    import pyarrow as pa
    from pyarrow import csv

    encoding = find_encoding(path)
    separator = find_separator(path, encoding)
    names = _head(path, encoding, separator)
    with path.open("rb") as file:
        reader = csv.open_csv(
            _Counted(file, on_bytes),
            read_options=csv.ReadOptions(block_size=BLOCK_BYTES, encoding=encoding.removesuffix("-sig")),
            parse_options=csv.ParseOptions(delimiter=separator, newlines_in_values=True),
            # All as text; nothing at all is null, "" is an empty text.
            convert_options=csv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()),
                null_values=[""],
                strings_can_be_null=True,
                quoted_strings_can_be_null=False,
            ),
        )
        for batch in reader:
            yield from _encode(_typed(batch, types))


def _head(path: Path, encoding: str, separator: str) -> list[str]:
    import csv

    with open_text(path, encoding) as file:
        names = next(csv.reader(file, delimiter=separator), [])
    if twice := [name for name in names if names.count(name) > 1]:
        raise ValueError(f"two columns are called {twice[0]}")
    return names


def _typed(batch: "pa.RecordBatch", types: Types) -> "pa.RecordBatch":
    """Text columns as what their type says, where every value of the batch is that."""
    import pyarrow as pa

    numbers = {"bigint": pa.int64(), "integer": pa.int64(), "smallint": pa.int64(), "double precision": pa.float64()}
    arrays = []
    for name, array in zip(batch.schema.names, batch.columns, strict=True):
        wanted = numbers.get(types.get("_".join(re.findall(r"\w+", name.lower())), ""))
        try:
            arrays.append(array if wanted is None else array.cast(wanted))
        except pa.ArrowInvalid:
            arrays.append(array)  # the server says which value it is
    return pa.RecordBatch.from_arrays(arrays, names=batch.schema.names)


def _parquet(path: Path, _: Types, on_bytes: OnBytes) -> Iterator[bytes]:
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        size_bytes, rows, done = path.stat().st_size, max(1, file.metadata.num_rows), 0
        for batch in file.iter_batches(BATCH_ROWS):
            yield from _encode(_in_microseconds(batch))
            on_bytes(size_bytes * (done + batch.num_rows) // rows - size_bytes * done // rows)
            done += batch.num_rows


def _in_microseconds(batch: "pa.RecordBatch") -> "pa.RecordBatch":
    """Times as finely as a dataset keeps them; raises ValueError where that would lose something."""
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


def _json(path: Path, _: Types, on_bytes: OnBytes) -> Iterator[bytes]:
    data = path.read_bytes()
    rows = msgspec.json.decode(data, type=list[msgspec.Raw])
    on_bytes(len(data))
    yield from map(_object, map(bytes, rows))


def _ndjson(path: Path, _: Types, on_bytes: OnBytes) -> Iterator[bytes]:
    with path.open("rb") as file:
        for line in file:
            on_bytes(len(line))
            if line.strip():
                yield _object(line.strip())


def _excel(path: Path, _: Types, on_bytes: OnBytes) -> Iterator[bytes]:
    from python_calamine import CalamineError, CalamineWorkbook

    try:
        head, *rows = CalamineWorkbook.from_path(path).get_sheet_by_index(0).to_python() or [[]]
    except CalamineError as error:
        raise ValueError(str(error)) from None
    on_bytes(path.stat().st_size)
    for row in rows:
        yield msgspec.json.encode({str(name): _cell(cell) for name, cell in zip(head, row, strict=True) if name != ""})


def _cell(value: Any) -> Any:
    """A cell's value; Excel knows no whole numbers and no empty texts."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return None if value == "" else value


def _object(row: bytes) -> bytes:
    if not row.startswith(b"{"):
        raise ValueError("a row is no JSON object")
    msgspec.json.decode(row, type=msgspec.Raw)
    return row


def _encode(batch: "pa.RecordBatch") -> Iterator[bytes]:
    encode: Callable[[Any], bytes] = msgspec.json.Encoder().encode
    yield from map(encode, batch.to_pylist())


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]


class _Counted:
    """A file that tells of every read."""

    closed = False

    def __init__(self, file: Any, on_bytes: OnBytes) -> None:
        self._file, self._on_bytes = file, on_bytes

    def read(self, size_bytes: int = -1) -> bytes:
        data: bytes = self._file.read(size_bytes)
        self._on_bytes(len(data))
        return data


_READERS: dict[str, Callable[[Path, Types, OnBytes], Iterator[bytes]]] = {
    ".csv": _csv,
    ".tsv": _csv,
    ".parquet": _parquet,
    ".json": _json,
    ".ndjson": _ndjson,
    ".jsonl": _ndjson,
    ".xlsx": _excel,
}
