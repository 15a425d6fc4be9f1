"""Reads JSON: an array of objects, which is held in memory, or one object per line (NDJSON), in batches.

NDJSON is read twice, as CSV is: for the types, and for the rows.
"""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pyarrow as pa

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.tables.coerce_rows import coerce_rows
from hallmarket.server.tables.type_inference import infer_json_columns
from hallmarket.server.tables.types import Column
from hallmarket.server.tables.uploaded_table import BATCH_ROWS, MAX_FIELD_LENGTH, UploadedTable

MAX_JSON_BYTES = 256 * 1024 * 1024  # of an array; NDJSON has no limit
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_json(path: Path) -> UploadedTable:
    """Read an array of objects, or NDJSON if the file begins with an object. Raises InvalidRequest."""
    with path.open("rb") as opened:
        if opened.read(1 << 12).lstrip()[:1] == b"{":
            return read_ndjson(path)
    if path.stat().st_size > MAX_JSON_BYTES:
        raise InvalidRequest(
            f"The JSON array is larger than {MAX_JSON_BYTES >> 20} MiB. Send NDJSON instead, one object per line.",
            "file",
        )
    try:
        rows = msgspec.json.decode(path.read_bytes(), type=list[dict[str, Any]])
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        raise InvalidRequest(f"The file is not a JSON array of objects: {error}.", "file") from None
    columns = infer_json_columns([rows])
    return UploadedTable(columns, lambda: _read_batches(columns, [rows]))


def read_ndjson(path: Path) -> UploadedTable:
    """Read one object per line. Raises InvalidRequest."""
    columns = infer_json_columns(_read_lines(path))
    return UploadedTable(columns, lambda: _read_batches(columns, _read_lines(path)))


def _read_lines(path: Path) -> Iterator[list[dict[str, Any]]]:
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    with path.open("rb") as opened:
        rows: list[dict[str, Any]] = []
        for number, line in enumerate(iter(lambda: opened.readline(MAX_FIELD_LENGTH), b""), 1):
            line = line.removeprefix(BYTE_ORDER_MARK) if number == 1 else line
            if not line.strip():
                continue
            try:
                rows.append(decode(line))
            except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
                raise InvalidRequest(f"Line {number} is not a JSON object: {error}.", "file") from None
            if len(rows) == BATCH_ROWS:
                yield rows
                rows = []
        if rows:
            yield rows


def _read_batches(columns: Sequence[Column], chunks: Iterable[Sequence[dict[str, Any]]]) -> Iterator[pa.RecordBatch]:
    for rows in chunks:
        for begin in range(0, len(rows), BATCH_ROWS):
            yield from coerce_rows(columns, rows[begin : begin + BATCH_ROWS]).table.to_batches()
