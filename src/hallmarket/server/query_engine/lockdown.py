"""Locks a DuckDB to one dataset version: no query can make it read anything except that version's files."""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

import duckdb

from hallmarket.server.query_engine.types import TABLE, Column, Source

# PostgreSQL's type names that DuckDB has another name for.
DUCKDB_TYPES = {
    "text": "varchar",
    "double precision": "double",
    "timestamp with time zone": "timestamptz",
    "timestamp without time zone": "timestamp",
    "bytea": "blob",
    "jsonb": "json",
}
# Type names that both have. A column of any other type keeps the type it has in the files.
COMMON_TYPES = {
    *("bigint", "integer", "smallint", "boolean", "date", "time", "uuid", "json", "real", "interval", "timestamp"),
}


@contextmanager
def locked_to(connection: duckdb.DuckDBPyConnection, source: Source) -> Iterator[None]:
    """Open the version's files, create the view `{{table}}` over them, and lock the connection, which cannot be undone.

    The files are open while the context is. DuckDB gets their descriptors instead of their paths, so no query can find
    out where they are. Raises FileNotFoundError if a file cannot be opened; duckdb.Error if one is not Parquet.
    """
    with ExitStack() as stack:
        files = [f"'/dev/fd/{_open_file(path, stack)}'" for path in source.paths]
        connection.execute(f"set allowed_paths = [{', '.join(files)}]")
        connection.execute("set enable_external_access = false")
        _create_view(connection, files, source.columns)
        connection.execute("set lock_configuration = true")
        yield


def _open_file(path: Path, stack: ExitStack) -> int:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError as error:
        raise FileNotFoundError from error
    stack.callback(os.close, descriptor)
    return descriptor


def _create_view(connection: duckdb.DuckDBPyConnection, files: Sequence[str], columns: Sequence[Column]) -> None:
    union_by_name = str(len(files) > 1).lower()
    scan = f"read_parquet([{', '.join(files)}], union_by_name = {union_by_name}, hive_partitioning = false)"
    stored = set(connection.sql(f"from {scan}").columns) if files else set()
    selected = [_select_column(column, column.name in stored) for column in columns]
    rows = f"from {scan}" if files else "where false"
    connection.execute(f"create temp view {_quote(TABLE)} as select {', '.join(selected)} {rows}")


def _select_column(column: Column, is_stored: bool) -> str:
    word = column.type.lower()
    type_ = DUCKDB_TYPES.get(word) or (word if word in COMMON_TYPES or word.startswith("numeric(") else None)
    value = _quote(column.name) if is_stored else "null"
    return f"{value}::{type_} as {_quote(column.name)}" if type_ else f"{value} as {_quote(column.name)}"


def _quote(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
