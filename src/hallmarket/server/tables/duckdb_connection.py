"""Opens a DuckDB for work on files that are larger than memory: bounded in memory, it spills to disk."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

MEMORY_LIMIT = "512MB"


@contextmanager
def connect(scratch: Path | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open a DuckDB that spills into a temporary folder in `scratch`, or in the system's temporary folder if None."""
    with tempfile.TemporaryDirectory(prefix="hallmarket-", dir=scratch) as spill:
        settings: dict[str, str | bool | int] = {"memory_limit": MEMORY_LIMIT, "threads": 2, "temp_directory": spill}
        with duckdb.connect(config={**settings, "python_enable_replacements": False}) as connection:
            connection.execute("set TimeZone = 'UTC'; set enable_progress_bar = false")
            yield connection


def quote(identifier: str) -> str:
    """Quote a column name for SQL."""
    return '"' + identifier.replace('"', '""') + '"'
