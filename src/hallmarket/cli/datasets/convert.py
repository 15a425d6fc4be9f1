"""Conversion of a version's Parquet files to one file of another format, in the order of their rows."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
from pyarrow import parquet

BATCH_ROWS = 65_536
COPY_OPTIONS = {
    "csv": "format csv, header true",
    "json": "format json, array true",
    "ndjson": "format json",
}


def convert(files: Sequence[Path], columns: Sequence[str], format_name: str, target: Path) -> None:
    """Write `target` as csv, json, ndjson or arrow; without files, an empty table with these columns."""
    schema = parquet.read_schema(files[0]) if files else pa.schema([(name, pa.string()) for name in columns])
    schema = schema.remove_metadata()
    rows = pa.RecordBatchReader.from_batches(schema, _batches(files))
    if format_name == "arrow":
        with pa.OSFile(str(target), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            for batch in rows:
                writer.write_batch(batch)
        return
    with duckdb.connect() as connection:
        # One thread keeps the order of the rows. Times are written in UTC, not in the local time zone.
        connection.execute("set threads = 1; set timezone = 'UTC'")
        connection.register("version", rows)
        path = str(target).replace("'", "''")
        connection.execute(f"copy version to '{path}' ({COPY_OPTIONS[format_name]})")


def _batches(files: Sequence[Path]) -> Iterator[pa.RecordBatch]:
    for path in files:
        with parquet.ParquetFile(path) as file:
            yield from file.iter_batches(BATCH_ROWS)
