"""Makes a DuckDB for one query and locks it: it reads one version's files and nothing else, whatever it is told."""

import os
from pathlib import Path

import duckdb

from hallmarket.server.query_engine.allowlist import TABLE
from hallmarket.server.query_engine.encode import quote, text
from hallmarket.server.query_engine.types import Column, Source

THREADS = min(os.cpu_count() or 1, 8)
# PostgreSQL's words for types, in DuckDB's; what is not here is called alike in both, or stays as the files have it.
TYPES = {
    "text": "varchar",
    "double precision": "double",
    "timestamp with time zone": "timestamptz",
    "timestamp without time zone": "timestamp",
    "bytea": "blob",
    "jsonb": "json",
}
PLAIN = {"bigint", "integer", "smallint", "boolean", "date", "time", "uuid", "json", "real", "interval", "timestamp"}


def connect(memory_mib: int) -> duckdb.DuckDBPyConnection:
    """A new engine that holds nothing, ready but for the files it may read."""
    connection = duckdb.connect(config={"threads": THREADS, "async_threads": 2, "python_enable_replacements": False})
    for setting in (
        "TimeZone = 'UTC'",
        "integer_division = true",
        f"memory_limit = '{memory_mib * 4 // 5} MiB'",  # the rest is for what DuckDB does not count
        "temp_directory = ''",
        "autoinstall_known_extensions = false",
        "autoload_known_extensions = false",
        "allow_community_extensions = false",
        "allow_persistent_secrets = false",
        "parquet_metadata_cache = true",
        "streaming_buffer_size = '2 MiB'",
        "secret_directory = '/nonexistent'",
        "home_directory = '/nonexistent'",
    ):
        connection.execute(f"set {setting}")
    # The first statement of its kind takes some milliseconds longer: not the caller's.
    connection.execute("select json_serialize_sql('select 1')").fetchall()
    connection.sql(
        "select concat(i::varchar, strftime(now(), '%Y')) from range(3000) t(i)"
    ).to_arrow_reader().read_all()
    return connection


class Files:
    """The version's files, open. The engine knows them by their descriptors: no statement can tell where they lie."""

    def __init__(self, paths: tuple[Path, ...]) -> None:
        self._paths = paths
        self._open: list[int] = []

    def __enter__(self) -> list[str]:
        try:
            for path in self._paths:
                self._open.append(os.open(path, os.O_RDONLY | os.O_CLOEXEC))
        except OSError as error:
            self.__exit__()
            raise FileNotFoundError from error
        return [f"/dev/fd/{descriptor}" for descriptor in self._open]

    def __exit__(self, *_error: object) -> None:
        for descriptor in self._open:
            os.close(descriptor)


def lock(connection: duckdb.DuckDBPyConnection, files: list[str], source: Source) -> None:
    """Give the dataset its name. From here on the engine reads these files and nothing else, and nothing unlocks it."""
    listed = "[" + ", ".join(map(text, files)) + "]"
    connection.execute(f"set allowed_paths = {listed}")
    connection.execute("set enable_external_access = false")
    scan = f"read_parquet({listed}, union_by_name = {str(len(files) > 1).lower()}, hive_partitioning = false)"
    stored = set(connection.sql(f"from {scan}").columns) if files else set()
    columns = [_column(column, column.name in stored) for column in source.columns]
    rows = f"from {scan}" if files else "where false"
    connection.execute(f"create temp view {quote(TABLE)} as select {', '.join(columns)} {rows}")
    connection.execute("set lock_configuration = true")


def _column(column: Column, stored: bool) -> str:
    word = column.type.lower()
    type_ = TYPES.get(word) or (word if word in PLAIN or word.startswith("numeric(") else None)
    value = quote(column.name) if stored else "null"
    return f"{value}::{type_} as {quote(column.name)}" if type_ else f"{value} as {quote(column.name)}"
