"""Tables out of files: CSV, Parquet, JSON, NDJSON and Excel, in batches, with the columns they turn out to have.

CSV, NDJSON and Parquet are read in pieces and may be far larger than memory. Text files are looked at twice: once from
end to end for the types, so that no late line is refused for a guess made early, and once for the rows.
"""

import csv
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile, is_zipfile

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from python_calamine import CalamineError, CalamineWorkbook

from hallmarket.delimited import find_encoding, find_separator, open_text
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.tables.coerce import coerce_rows, coerce_values
from hallmarket.server.tables.declare import MOST_COLUMNS, declare_columns
from hallmarket.server.tables.types import TIMESTAMPTZ, Column, arrow_schema, arrow_type, type_of_arrow

BATCH_ROWS = 16_384
MOST_JSON_BYTES = 256 * 1024 * 1024  # an array is held whole; lines are not
MOST_EXCEL_BYTES = 256 * 1024 * 1024
MOST_UNPACKED_BYTES = 1024 * 1024 * 1024  # of what is read as a whole: a workbook, a column of a row group
LONGEST_FIELD = 16 * 1024 * 1024
FORMATS = {
    ".csv": "csv", ".tsv": "csv", ".txt": "csv", ".tab": "csv",
    ".parquet": "parquet", ".pq": "parquet",
    ".json": "json", ".ndjson": "ndjson", ".jsonl": "ndjson",
    ".xlsx": "excel", ".xls": "excel", ".xlsb": "excel", ".xlsm": "excel", ".ods": "excel",
}  # fmt: skip
WHOLE = re.compile(r"[+-]?(0|[1-9]\d*)", re.ASCII)
NUMBER = re.compile(r"[+-]?((0|[1-9]\d*)(\.\d*)?|\.\d+)([eE][+-]?\d+)?", re.ASCII)
ZONED = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d(:?\d\d)?)", re.ASCII)
MOMENT = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d(:\d\d(\.\d{1,9})?)?", re.ASCII)
DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
TRUTHS = {"true", "false"}


class Upload(msgspec.Struct, frozen=True):
    """What a file holds: its columns, and its rows in batches, which may be begun again."""

    columns: tuple[Column, ...]
    batches: Callable[[], Iterator[pa.RecordBatch]]


def read_upload(path: Path, name: str) -> Upload:
    """Read a file that was called `name`; its ending and its first bytes tell the format. Raises InvalidRequest."""
    kind = find_format(path, name)
    return {
        "csv": _read_csv,
        "parquet": _read_parquet,
        "json": _read_json,
        "ndjson": _read_lines,
        "excel": _read_excel,
    }[kind](path)


def find_format(path: Path, name: str) -> str:
    """csv, parquet, json, ndjson or excel. Raises InvalidRequest for anything else."""
    with path.open("rb") as opened:
        head = opened.read(4096)
    if head.startswith(b"PAR1"):
        return "parquet"
    if kind := FORMATS.get(Path(name.lower()).suffix):
        return kind
    if head.lstrip()[:1] in (b"[", b"{"):
        return "json" if head.lstrip()[:1] == b"[" else "ndjson"
    raise InvalidRequest(f"A dataset can be made from a file ending in {', '.join(FORMATS)}.", "file")


# --- Parquet


def _read_parquet(path: Path) -> Upload:
    try:
        with pq.ParquetFile(path) as opened:
            given, most = opened.schema_arrow, _largest_chunk(opened.metadata)
    except (pa.ArrowException, OSError) as error:
        raise InvalidRequest(f"The file is no whole Parquet: {error}", "file") from None
    if most > MOST_UNPACKED_BYTES:
        raise InvalidRequest(
            f"A row group has {most >> 20} MiB in one column, unpacked; write smaller ones, up to"
            f" {MOST_UNPACKED_BYTES >> 20} MiB.",
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
    return coerce_values(column, [_plain(value) for value in array.to_pylist()], first_row)


def _plain(value: Any) -> Any:
    """A Python value as JSON would have brought it."""
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return "\\x" + value.hex()  # as PostgreSQL writes bytes
    if isinstance(value, timedelta):
        return str(value)
    return msgspec.to_builtins(value) if isinstance(value, dict | list | tuple) else value


# --- CSV


def _read_csv(path: Path) -> Upload:
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
    csv.field_size_limit(LONGEST_FIELD)
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
    ladders = [_Ladder() for _ in range(width)]
    while chunk := list(itertools.islice(rows, BATCH_ROWS)):
        for place, ladder in enumerate(ladders):
            ladder.see(row[place] for _, row in chunk)
    return [ladder.type for ladder in ladders]


class _Ladder:
    """What a column of texts may still be."""

    def __init__(self) -> None:
        self._may: dict[str, Callable[[str], object]] = {
            "boolean": lambda text: text.lower() in TRUTHS,
            "bigint": lambda text: WHOLE.fullmatch(text) and -(2**63) <= int(text) < 2**63,
            "numeric(38,0)": lambda text: WHOLE.fullmatch(text) and len(text.lstrip("+-")) <= 38,
            "double precision": NUMBER.fullmatch,
            "date": lambda text: DAY.fullmatch(text) and _is_moment(text),
            TIMESTAMPTZ: lambda text: ZONED.fullmatch(text) and _is_moment(text),
            "timestamp": lambda text: MOMENT.fullmatch(text) and _is_moment(text),
        }
        self._seen = False

    def see(self, texts: Iterable[str]) -> None:
        """Drop what some of these texts are not."""
        if not self._may:
            return
        values = {text.strip() for text in texts} - {""}
        self._seen = self._seen or bool(values)
        self._may = {kind: fits for kind, fits in self._may.items() if all(fits(value) for value in values)}

    @property
    def type(self) -> str:
        """The narrowest that is left, else text."""
        return next(iter(self._may), "text") if self._seen else "text"


def _is_moment(text: str) -> bool:
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


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


# --- JSON


def _read_json(path: Path) -> Upload:
    with path.open("rb") as opened:
        if opened.read(1 << 12).lstrip()[:1] == b"{":
            return _read_lines(path)
    if path.stat().st_size > MOST_JSON_BYTES:
        raise InvalidRequest(
            f"A JSON array may have {MOST_JSON_BYTES >> 20} MiB; send larger data as NDJSON, an object a line.", "file"
        )
    try:
        rows = msgspec.json.decode(path.read_bytes(), type=list[dict[str, Any]])
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidRequest(f"The file is no JSON array of objects: {error}.", "file") from None
    columns = infer_columns(rows)
    return Upload(columns, lambda: _row_batches(columns, [rows]))


def infer_columns(rows: Sequence[dict[str, Any]]) -> tuple[Column, ...]:
    """The columns that objects of JSON fit into. Raises InvalidRequest if there are none."""
    kinds = _Kinds()
    kinds.see(rows)
    return kinds.columns()


def _read_lines(path: Path) -> Upload:
    kinds = _Kinds()
    for rows in _json_lines(path):
        kinds.see(rows)
    columns = kinds.columns()
    return Upload(columns, lambda: _row_batches(columns, _json_lines(path)))


def _json_lines(path: Path) -> Iterator[list[dict[str, Any]]]:
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    with path.open("rb") as opened:
        rows: list[dict[str, Any]] = []
        for number, line in enumerate(iter(lambda: opened.readline(LONGEST_FIELD), b""), 1):
            line = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
            if not line.strip():
                continue
            try:
                rows.append(decode(line))
            except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
                raise InvalidRequest(f"Line {number} is no JSON object: {error}.", "file") from None
            if len(rows) == BATCH_ROWS:
                yield rows
                rows = []
        if rows:
            yield rows


class _Kinds:
    """What the values under each key of JSON objects have been so far, keys in the order of their coming."""

    def __init__(self) -> None:
        self._ladders: dict[str, tuple[set[type], _Ladder, list[int]]] = {}

    def see(self, rows: Sequence[dict[str, Any]]) -> None:
        """Look at more rows. Raises InvalidRequest for too many keys, before each is looked for in every row."""
        keys = dict.fromkeys(key for shape in dict.fromkeys(map(tuple, rows)) for key in shape)
        if len(self._ladders.keys() | keys) > MOST_COLUMNS:
            raise InvalidRequest(f"A dataset has at most {MOST_COLUMNS} columns.", "columns")
        for key in keys:
            types, ladder, bounds = self._ladders.setdefault(key, (set(), _Ladder(), [0, 0]))
            values = [row[key] for row in rows if row.get(key) is not None]
            types.update(map(type, values))
            ladder.see(value for value in values if type(value) is str)
            whole = [value for value in values if type(value) is int]
            bounds[:] = min([bounds[0], *whole]), max([bounds[1], *whole])

    def columns(self) -> tuple[Column, ...]:
        """The columns that all of them fit into. Raises InvalidRequest if there are none."""
        kinds = [_json_kind(*ladder) for ladder in self._ladders.values()]
        return declare_columns(list(self._ladders), kinds)


def _json_kind(types: set[type], ladder: _Ladder, bounds: Sequence[int]) -> str:
    if types == {str}:
        return ladder.type if ladder.type in (TIMESTAMPTZ, "timestamp", "date") else "text"
    if types == {bool}:
        return "boolean"
    if types == {int}:
        if bounds[0] >= -(2**63) and bounds[1] < 2**63:
            return "bigint"
        return "numeric(38,0)" if max(-bounds[0], bounds[1]) < 10**38 else "text"
    if types and types <= {int, float}:
        return "double precision"
    return "jsonb" if types and types <= {dict, list} else "text"


def _row_batches(columns: Sequence[Column], chunks: Iterable[Sequence[dict[str, Any]]]) -> Iterator[pa.RecordBatch]:
    for rows in chunks:
        for begin in range(0, len(rows), BATCH_ROWS):
            yield from coerce_rows(columns, rows[begin : begin + BATCH_ROWS]).table.to_batches()


# --- Excel


def _read_excel(path: Path) -> Upload:
    """The first sheet of a workbook; its first row names the columns."""
    if path.stat().st_size > MOST_EXCEL_BYTES:
        raise InvalidRequest(f"A workbook may have {MOST_EXCEL_BYTES >> 20} MiB; send larger data as CSV.", "file")
    try:
        _check_unpacked(path)
        with CalamineWorkbook.from_path(str(path)) as book:
            sheet = book.get_sheet_by_index(0).to_python(skip_empty_area=True)
    except (CalamineError, BadZipFile, OSError, ValueError, IndexError) as error:
        raise InvalidRequest(f"The file is no workbook that can be read: {error}", "file") from None
    if not sheet or not any(str(cell).strip() for cell in sheet[0]):
        raise InvalidRequest("The workbook's first sheet is empty: its first row must name the columns.", "file")
    header, *body = sheet
    values = [[_cell(row[place]) for row in body] for place in range(len(header))]
    columns = declare_columns([_heading(cell) for cell in header], [_excel_kind(cells) for cells in values])
    arrays = [
        coerce_values(column, [_plain(cell) for cell in cells], 2)
        for column, cells in zip(columns, values, strict=True)
    ]
    table = pa.Table.from_arrays(arrays, schema=arrow_schema(columns))
    return Upload(columns, lambda: iter(table.to_batches(BATCH_ROWS)))


def _check_unpacked(path: Path) -> None:
    """Raises InvalidRequest for a workbook whose parts, unpacked, are more than fits into memory."""
    if not is_zipfile(path):
        return  # an old one, which is not packed
    with ZipFile(path) as parts:
        unpacked = sum(part.file_size for part in parts.infolist())
    if unpacked > MOST_UNPACKED_BYTES:
        raise InvalidRequest(
            f"The workbook has {unpacked >> 20} MiB, unpacked; send more than {MOST_UNPACKED_BYTES >> 20} MiB as CSV.",
            "file",
        )


def _heading(cell: object) -> str:
    return str(int(cell) if isinstance(cell, float) and cell.is_integer() else cell).strip()


def _cell(cell: Any) -> Any:
    """A cell's value; Excel has no whole numbers, so a float that is one becomes one."""
    if cell == "":
        return None
    return int(cell) if isinstance(cell, float) and cell.is_integer() and abs(cell) < 2**53 else cell


def _excel_kind(cells: Sequence[Any]) -> str:
    types = {type(cell) for cell in cells} - {type(None)}
    if types <= {int, float} and types:
        return "bigint" if types == {int} else "double precision"
    known = {bool: "boolean", datetime: "timestamp", date: "date", time: "time"}
    if types and types <= {date, datetime}:
        return "date" if types == {date} else "timestamp"
    return known.get(next(iter(types)), "text") if len(types) == 1 else "text"
