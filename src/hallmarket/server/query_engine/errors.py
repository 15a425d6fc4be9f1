"""Errors of queries, and the diagnostics that describe them."""

import msgspec

from hallmarket.server.errors import InvalidRequest


class Diagnostic(msgspec.Struct, frozen=True):
    """What is wrong with a query, and where.

    `position` counts characters of the caller's text from 1, as PostgreSQL does. `line` and `column` start at 1.
    """

    message: str
    code: str = "INVALID_QUERY"  # the code of one of QUERY_ERRORS
    hint: str | None = None
    position: int | None = None
    line: int | None = None
    column: int | None = None


class InvalidQuery(InvalidRequest):
    """The query is not a single SELECT, or is wrong. `details` has the position and a hint, where they are known."""

    code = "INVALID_QUERY"

    def __init__(self, diagnostic: Diagnostic) -> None:
        super().__init__(diagnostic.message)
        self.diagnostic = diagnostic
        fields = msgspec.to_builtins(diagnostic)
        details = {name: fields[name] for name in ("hint", "position", "line", "column") if fields[name] is not None}
        self.details = details or None


class QueryTimeout(InvalidQuery):
    """The query ran longer than its time limit and was stopped."""

    code = "QUERY_TIMEOUT"


class ResultTooLarge(InvalidQuery):
    """The result is larger than a response may be."""

    code = "RESULT_TOO_LARGE"


class QueryOutOfMemory(InvalidQuery):
    """The query needs more memory than its limit."""

    code = "QUERY_OUT_OF_MEMORY"


class QueryFailed(InvalidQuery):
    """The query failed for a reason that the engine does not know."""

    code = "QUERY_FAILED"


QUERY_ERRORS = (InvalidQuery, QueryTimeout, ResultTooLarge, QueryOutOfMemory, QueryFailed)
_BY_CODE = {kind.code: kind for kind in QUERY_ERRORS}


def make_error(diagnostic: Diagnostic) -> InvalidQuery:
    """Make the exception for a diagnostic's code."""
    return _BY_CODE[diagnostic.code](diagnostic)


class RejectedQuery(Exception):
    """The query was rejected before it ran.

    `word` is the part of the query that caused it, looked for from `line` on; `position` counts characters from 1.
    """

    def __init__(self, message: str, word: str = "", line: int = 0, position: int | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.word = word
        self.line = line
        self.position = position
