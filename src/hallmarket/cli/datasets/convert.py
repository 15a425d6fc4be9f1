"""A version's Parquet files as one file of another format, in the order of their rows."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
from pyarrow import parquet

BATCH_ROWS = 65_536
HOW = {
    "csv": "format csv, header true",
    "json": "format json, array true",
    "ndjson": "format json",
}


def convert(files: Sequence[Path], columns: Sequence[str], form: str, target: Path) -> None:
    """Write `target` in csv, json, ndjson or arrow; no files make an empty table of these columns."""
    schema = parquet.read_schema(files[0]) if files else pa.schema([(name, pa.string()) for name in columns])
    schema = schema.remove_metadata()
    rows = pa.RecordBatchReader.from_batches(schema, _batches(files))
    if form == "arrow":
        with pa.OSFile(str(target), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
            for batch in rows:
                writer.write_batch(batch)
        return
    with duckdb.connect() as connection:
        # One thread: the rows stay in their order. Times in UTC, wherever we are.
        connection.execute("set threads = 1; set timezone = 'UTC'")
        connection.register("version", rows)
        place = str(target).replace("'", "''")
        connection.execute(f"copy version to '{place}' ({HOW[form]})")


def _batches(files: Sequence[Path]) -> Iterator[pa.RecordBatch]:
    for path in files:
        with parquet.ParquetFile(path) as file:
            yield from file.iter_batches(BATCH_ROWS)
