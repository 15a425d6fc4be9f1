"""JSON as an upload: an array of objects, which is held whole, or an object a line (NDJSON), read in pieces.

Lines are looked at twice, as those of CSV are: for the types, and for the rows.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.tables.coerce import coerce_rows
from hallmarket.server.tables.declare import MAX_COLUMNS, declare_columns
from hallmarket.server.tables.ladder import Ladder
from hallmarket.server.tables.types import TIMESTAMPTZ, Column
from hallmarket.server.tables.upload import BATCH_ROWS, MAX_FIELD_LENGTH, Upload

MAX_JSON_BYTES = 256 * 1024 * 1024  # an array is held whole; lines are not


def read_json(path: Path) -> Upload:
    """An array of objects; what begins as an object is read line by line. Raises InvalidRequest."""
    with path.open("rb") as opened:
        if opened.read(1 << 12).lstrip()[:1] == b"{":
            return read_lines(path)
    if path.stat().st_size > MAX_JSON_BYTES:
        raise InvalidRequest(
            f"A JSON array may have {MAX_JSON_BYTES >> 20} MiB; send larger data as NDJSON, an object a line.", "file"
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


def read_lines(path: Path) -> Upload:
    """An object a line. Raises InvalidRequest."""
    kinds = _Kinds()
    for rows in _json_lines(path):
        kinds.see(rows)
    columns = kinds.columns()
    return Upload(columns, lambda: _row_batches(columns, _json_lines(path)))


def _json_lines(path: Path) -> Iterator[list[dict[str, Any]]]:
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    with path.open("rb") as opened:
        rows: list[dict[str, Any]] = []
        for number, line in enumerate(iter(lambda: opened.readline(MAX_FIELD_LENGTH), b""), 1):
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
        self._ladders: dict[str, tuple[set[type], Ladder, list[int]]] = {}

    def see(self, rows: Sequence[dict[str, Any]]) -> None:
        """Look at more rows. Raises InvalidRequest for too many keys, before each is looked for in every row."""
        keys = dict.fromkeys(key for shape in dict.fromkeys(map(tuple, rows)) for key in shape)
        if len(self._ladders.keys() | keys) > MAX_COLUMNS:
            raise InvalidRequest(f"A dataset has at most {MAX_COLUMNS} columns.", "columns")
        for key in keys:
            types, ladder, bounds = self._ladders.setdefault(key, (set(), Ladder(), [0, 0]))
            values = [row[key] for row in rows if row.get(key) is not None]
            types.update(map(type, values))
            ladder.see(value for value in values if type(value) is str)
            whole = [value for value in values if type(value) is int]
            bounds[:] = min([bounds[0], *whole]), max([bounds[1], *whole])

    def columns(self) -> tuple[Column, ...]:
        """The columns that all of them fit into. Raises InvalidRequest if there are none."""
        kinds = [_json_kind(*ladder) for ladder in self._ladders.values()]
        return declare_columns(list(self._ladders), kinds)


def _json_kind(types: set[type], ladder: Ladder, bounds: Sequence[int]) -> str:
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
