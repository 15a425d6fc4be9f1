"""A DuckDB for tables larger than memory: bounded, and what does not fit goes to disk."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

MEMORY = "512MB"


@contextmanager
def spilling(scratch: Path | None) -> Iterator[duckdb.DuckDBPyConnection]:
    """An engine that spills into a folder of its own in `scratch`, or where the system keeps such."""
    with tempfile.TemporaryDirectory(prefix="hallmarket-", dir=scratch) as spill:
        settings: dict[str, str | bool | int] = {"memory_limit": MEMORY, "threads": 2, "temp_directory": spill}
        with duckdb.connect(config={**settings, "python_enable_replacements": False}) as connection:
            connection.execute("set TimeZone = 'UTC'; set enable_progress_bar = false")
            yield connection


def quote(name: str) -> str:
    """A column's name as SQL takes it."""
    return '"' + name.replace('"', '""') + '"'
