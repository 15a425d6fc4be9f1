"""Writes a statement's whole result in an export format, batch by batch."""

from collections.abc import Iterator
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.ipc
import pyarrow.parquet

from hallmarket.server.query_engine.pipe_protocol import QueryResponse
from hallmarket.server.query_engine.row_encoding import BATCH_ROWS, encode_csv, encode_json
from hallmarket.server.query_engine.statement import BoundStatement
from hallmarket.server.query_engine.types import Format, Write


def write_export(
    connection: duckdb.DuckDBPyConnection, statement: BoundStatement, format_: Format, write: Write
) -> QueryResponse:
    """Write all rows in a format."""
    match format_:
        case Format.CSV:
            row_count = _write_text(encode_csv(connection, statement), write)
        case Format.NDJSON:
            row_count = _write_text(encode_json(connection, statement, statement.from_item, suffix="\n"), write)
        case Format.JSON:
            row_count = _write_json_array(encode_json(connection, statement, statement.from_item, prefix=",\n"), write)
        case _:
            row_count = _write_arrow(statement.relation.to_arrow_reader(4 * BATCH_ROWS), format_, write)
    return QueryResponse(columns=statement.columns, row_count=row_count, total=row_count, sql=statement.sql)


def _write_text(batches: Iterator[tuple[int, bytes | memoryview]], write: Write) -> int:
    row_count = 0
    for batch_rows, text in batches:
        write(text)
        row_count += batch_rows
    return row_count


def _write_json_array(batches: Iterator[tuple[int, bytes | memoryview]], write: Write) -> int:
    """Write an array of objects, each of which comes with a comma in front."""
    row_count = 0
    write(b"[")
    for batch_rows, text in batches:
        write(text if row_count else text[1:])
        row_count += batch_rows
    write(b"\n]\n")
    return row_count


def _write_arrow(reader: pa.RecordBatchReader, format_: Format, write: Write) -> int:
    sink = pa.PythonFile(_Sink(write), mode="w")
    row_count = 0
    opened: Any = (
        pyarrow.ipc.new_stream(sink, reader.schema)
        if format_ is Format.ARROW
        else pyarrow.parquet.ParquetWriter(sink, reader.schema, compression="zstd")
    )
    with opened as writer:
        for batch in reader:
            writer.write_batch(batch)
            row_count += batch.num_rows
    return row_count


class _Sink:
    """A write-only file for Arrow's writers."""

    closed = False

    def __init__(self, write: Write) -> None:
        self._write = write

    def write(self, piece: Any) -> int:
        view = memoryview(piece)
        self._write(view)
        return view.nbytes

    def flush(self) -> None:
        """Do nothing: no data is buffered."""

    def close(self) -> None:
        self.closed = True
