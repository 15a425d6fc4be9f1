"""Opens the DuckDB of one query: in memory, bounded, and unable to install or load anything."""

import os

import duckdb

THREADS = min(os.cpu_count() or 1, 8)


def connect(memory_mib: int) -> duckdb.DuckDBPyConnection:
    """Open an empty DuckDB that may use `memory_mib`, and warm it up."""
    connection = duckdb.connect(config={"threads": THREADS, "async_threads": 2, "python_enable_replacements": False})
    for setting in (
        "TimeZone = 'UTC'",
        "integer_division = true",
        f"memory_limit = '{memory_mib * 4 // 5} MiB'",  # the rest is for memory that DuckDB does not count
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
    _warm_up(connection)
    return connection


def _warm_up(connection: duckdb.DuckDBPyConnection) -> None:
    """Run one statement of each kind: the first takes some milliseconds longer, which the query should not wait for."""
    connection.execute("select json_serialize_sql('select 1')").fetchall()
    connection.sql(
        "select concat(i::varchar, strftime(now(), '%Y')) from range(3000) t(i)"
    ).to_arrow_reader().read_all()
