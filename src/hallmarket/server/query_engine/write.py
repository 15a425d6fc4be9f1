"""Writes a whole result in a format, a batch at a time."""

from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

from hallmarket.server.query_engine.encode import csv_head, csv_row, json_row
from hallmarket.server.query_engine.statement import BATCH_ROWS, PreparedStatement
from hallmarket.server.query_engine.types import Format

Write = Callable[["bytes | memoryview"], None]


def write_all(asked: PreparedStatement, format_: Format, write: Write) -> int:
    """Write all rows; returns how many there were."""
    row = json_row(asked.names, asked.types, asked.inner)
    match format_:
        case Format.CSV:
            write(csv_head(asked.names))
            return _write_lines(asked, csv_row(asked.types, asked.inner), write)
        case Format.NDJSON:
            return _write_lines(asked, f"{row} || chr(10)", write)
        case Format.JSON:
            write(b"[")
            rows = _write_lines(asked, f"',' || chr(10) || {row}", write, skip_bytes=1)
            write(b"\n]\n")
            return rows
    return _write_arrow(asked.relation.to_arrow_reader(4 * BATCH_ROWS), format_, write)


def _write_lines(asked: PreparedStatement, line: str, write: Write, skip_bytes: int = 0) -> int:
    rows = 0
    for found, lines in asked.lines(f"select {line} from {asked.table}"):
        write(lines if rows else lines[skip_bytes:])
        rows += found
    return rows


def _write_arrow(reader: pa.RecordBatchReader, format_: Format, write: Write) -> int:
    sink = pa.PythonFile(_Sink(write), mode="w")
    rows = 0
    opened: Any = (
        pyarrow.ipc.new_stream(sink, reader.schema)
        if format_ is Format.ARROW
        else pyarrow.parquet.ParquetWriter(sink, reader.schema, compression="zstd")
    )
    with opened as writer:
        for batch in reader:
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


class _Sink:
    """A file that only takes, for Arrow's writers."""

    closed = False

    def __init__(self, write: Write) -> None:
        self._write = write

    def write(self, piece: Any) -> int:
        view = memoryview(piece)
        self._write(view)
        return view.nbytes

    def flush(self) -> None:
        """Nothing is held back."""

    def close(self) -> None:
        self.closed = True
