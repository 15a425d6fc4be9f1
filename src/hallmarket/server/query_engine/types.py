"""Types of the query engine: queries, results and limits."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

import msgspec

MIB = 1024 * 1024
Write = Callable[["bytes | memoryview"], None]
TABLE = "{{table}}"  # the name of the dataset in a query


class Column(msgspec.Struct, frozen=True):
    """A column's name and its PostgreSQL type."""

    name: str
    type: str


class Source(msgspec.Struct, frozen=True):
    """A dataset version to query: its Parquet files in row order, and its columns in order.

    A column that is missing from a file is null in that file's rows.
    """

    paths: tuple[Path, ...]
    columns: tuple[Column, ...]


class Format(StrEnum):
    """Export formats."""

    CSV = "csv"
    JSON = "json"
    NDJSON = "ndjson"
    PARQUET = "parquet"
    ARROW = "arrow"


class Query(msgspec.Struct, frozen=True):
    """A query over a dataset version. Without `sql` it selects all rows.

    `limit` and `offset` cut a page from the result, after any limit in the SQL itself.
    """

    source: Source
    sql: str | None = None
    offset: int = 0
    limit: int | None = None
    # Whether to count the whole result if the page alone does not show its size.
    count: bool = True


class ResultPage(msgspec.Struct, frozen=True):
    """A page of a query's result.

    `json` is an array of objects. `total` is the number of rows in the whole result; None if they were not counted.
    """

    json: bytes
    row_count: int
    columns: tuple[Column, ...]
    has_more: bool
    total: int | None
    sql: str  # the DuckDB statement that ran


class QueryLimits(msgspec.Struct, frozen=True):
    """Limits on each query, and on how many run at the same time."""

    max_queries: int = 2
    max_exports: int = 2
    timeout_s: float = 10.0  # for a query; for an export, per piece
    memory_mib: int = 512
    max_result_mib: int = 64
    stalled_timeout_s: float = 60.0  # how long an export waits for its reader to take a piece
