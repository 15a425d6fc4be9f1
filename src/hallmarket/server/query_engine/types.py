"""What the engine is asked, and what it answers."""

from enum import StrEnum
from pathlib import Path

import msgspec

from hallmarket.server.errors import InvalidRequest

MIB = 1024 * 1024


class Column(msgspec.Struct, frozen=True):
    """A column of a dataset, and its type in PostgreSQL's words."""

    name: str
    type: str


class Source(msgspec.Struct, frozen=True):
    """One version of a dataset: its Parquet files, in the order of its rows, and its columns, in order.

    A column that a file lacks is null in the file's rows.
    """

    paths: tuple[Path, ...]
    columns: tuple[Column, ...]


class Format(StrEnum):
    """What an export is written in."""

    CSV = "csv"
    JSON = "json"
    NDJSON = "ndjson"
    PARQUET = "parquet"
    ARROW = "arrow"


class Query(msgspec.Struct, frozen=True):
    """A question to a dataset. Without `sql` all its rows; `limit` and `offset` apply on top of the query's own."""

    source: Source
    sql: str | None = None
    offset: int = 0
    limit: int | None = None
    # Whether to count the whole result where a page does not show it.
    count: bool = True


class Rows(msgspec.Struct, frozen=True):
    """An answer: `json` is an array of objects, as bytes; `total` the size of the result that the page is cut from."""

    json: bytes
    rows: int
    columns: tuple[Column, ...]
    has_more: bool
    total: int | None
    sql: str  # what ran, in the engine's own dialect


class Limits(msgspec.Struct, frozen=True):
    """How much one query may take, and how many run at once."""

    processes: int = 2
    exports: int = 2
    timeout_s: float = 10.0
    memory_mib: int = 512
    max_result_mib: int = 64
    # Of an export: how long its reader may take for a piece before it is given up.
    stalled_timeout_s: float = 60.0


class Job(msgspec.Struct, frozen=True):
    """What a process is told to do: answer with a page of JSON rows, or write everything in `format`."""

    query: Query
    format: Format | None
    max_bytes: int


class QueryError(msgspec.Struct, frozen=True):
    """What is wrong with a query: `position` counts characters of the caller's text from 1, as PostgreSQL does."""

    message: str
    code: str = "INVALID_QUERY"  # of one of QUERY_ERRORS
    hint: str | None = None
    position: int | None = None
    line: int | None = None
    column: int | None = None


class Ending(msgspec.Struct, frozen=True):
    """What a process says when it is done; `tired` that it should not be asked again."""

    mistake: QueryError | None = None
    columns: tuple[Column, ...] = ()
    rows: int = 0
    has_more: bool = False
    total: int | None = None
    sql: str = ""
    tired: bool = False


class InvalidQuery(InvalidRequest):
    """A query is no single SELECT, or is wrong; `details` says where and what may be meant."""

    code = "INVALID_QUERY"

    def __init__(self, mistake: QueryError) -> None:
        super().__init__(mistake.message)
        said = msgspec.to_builtins(mistake)
        details = {name: said[name] for name in ("hint", "position", "line", "column") if said[name] is not None}
        self.details = details or None


class QueryTimeout(InvalidQuery):
    """A query took longer than it may, and was ended."""

    code = "QUERY_TIMEOUT"


class ResultTooLarge(InvalidQuery):
    """A query's result has more bytes than an answer may have."""

    code = "RESULT_TOO_LARGE"


class QueryOutOfMemory(InvalidQuery):
    """A query needs more memory than it may have."""

    code = "QUERY_OUT_OF_MEMORY"


class QueryFailed(InvalidQuery):
    """A query could not be finished, and the engine cannot say why."""

    code = "QUERY_FAILED"


QUERY_ERRORS = (InvalidQuery, QueryTimeout, ResultTooLarge, QueryOutOfMemory, QueryFailed)
_BY_CODE = {kind.code: kind for kind in QUERY_ERRORS}


def error_of(mistake: QueryError) -> InvalidQuery:
    """The error that a mistake is."""
    return _BY_CODE[mistake.code](mistake)
