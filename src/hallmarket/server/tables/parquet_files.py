"""Writes and reads the Parquet files of tables."""

import hashlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from hallmarket.server.tables.types import DataFile

SUFFIX = ".parquet"
MAX_FILE_ROWS = 1_000_000  # a change of one row rewrites its whole file
ROW_GROUP_ROWS = 122_880  # DuckDB reads this many together
BATCH_ROWS = 61_440  # half a row group
SAMPLE_ROWS = 16_384  # to find out whether the values of a column repeat


def write_files(folder: Path, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[DataFile]:
    """Write rows in order into as many files of a folder as they need. Yields each file once it is on disk.

    The entries of the folder are not flushed. If `batches` raises, the file being written is deleted.
    """
    groups = _row_groups(schema, batches)
    while (first := next(groups, None)) is not None:
        yield _write_file(folder, schema, first, groups)


def _write_file(folder: Path, schema: pa.Schema, first: pa.Table, rest: Iterator[pa.Table]) -> DataFile:
    name = uuid4().hex + SUFFIX
    path = folder / name
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    dictionary_columns = _repetitive_columns(first)
    try:
        with path.open("wb") as opened:
            sink = _HashingFile(opened)
            with pq.ParquetWriter(
                sink, schema, compression="zstd", write_batch_size=ROW_GROUP_ROWS, use_dictionary=dictionary_columns
            ) as writer:
                rows = _write_groups(writer, first, rest)
            opened.flush()
            os.fsync(opened.fileno())
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return DataFile(name, sink.size_bytes, rows, sink.sha3_512.hexdigest())


class _HashingFile:
    """A file for writing that hashes and counts the bytes written to it."""

    closed = False

    def __init__(self, opened: BinaryIO) -> None:
        self._write = opened.write
        self.sha3_512 = hashlib.sha3_512()
        self.size_bytes = 0

    def write(self, data: bytes) -> int:
        """Write, hash and count."""
        self._write(data)
        self.sha3_512.update(data)
        self.size_bytes += len(data)
        return len(data)

    def tell(self) -> int:
        """The position of the next byte."""
        return self.size_bytes

    def flush(self) -> None:
        """Do nothing: no data is buffered here."""

    def close(self) -> None:
        """Do nothing: the caller closes the underlying file."""


def _row_groups(schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.Table]:
    """Regroup batches into row groups of one size; the last may be smaller.

    A query skips a row group by its minimum and maximum.
    """
    pending: list[pa.RecordBatch] = []
    rows = 0
    for batch in batches:
        pending.append(batch)
        rows += batch.num_rows
        while rows >= ROW_GROUP_ROWS:
            table = pa.Table.from_batches(pending, schema)
            yield table.slice(0, ROW_GROUP_ROWS)
            pending = table.slice(ROW_GROUP_ROWS).to_batches()
            rows -= ROW_GROUP_ROWS
    if rows:
        yield pa.Table.from_batches(pending, schema)


def _write_groups(writer: pq.ParquetWriter, group: pa.Table, rest: Iterator[pa.Table]) -> int:
    """Write row groups until the file is full or none is left; returns the number of rows."""
    rows = 0
    while True:
        writer.write_table(group, row_group_size=ROW_GROUP_ROWS)
        rows += int(group.num_rows)
        if rows >= MAX_FILE_ROWS or (following := next(rest, None)) is None:
            return rows
        group = following


def _repetitive_columns(group: pa.Table) -> list[str]:
    """The columns whose values repeat. A dictionary makes these smaller, and others larger and slower to read."""
    sample = group.slice(0, SAMPLE_ROWS)
    return [name for name in sample.column_names if pc.count_distinct(sample[name]).as_py() * 2 <= sample.num_rows]


def read_batches(path: Path, columns: list[str] | None = None) -> Iterator[pa.RecordBatch]:
    """Read a file's rows in order, in batches: all columns, or some."""
    with pq.ParquetFile(path) as opened:
        yield from opened.iter_batches(BATCH_ROWS, columns=columns)
