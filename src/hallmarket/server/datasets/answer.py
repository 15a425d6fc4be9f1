"""What queries, pages and exports of a version have in common."""

from typing import Any

import msgspec

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.exchange import Pagination

LAST_VERSION = 2**31 - 1
VERSION_QUERY = {
    "type": "integer",
    "minimum": 1,
    "maximum": LAST_VERSION,
    "description": "A version's number; the newest without it.",
    "examples": [1],
}
_ROW = {"type": "object", "description": "Values by column, in the columns' order."}
_PAGINATION = {
    "type": "object",
    "required": ["offset", "limit", "total", "hasMore", "nextCursor"],
    "properties": {
        "offset": {"type": "integer"},
        "limit": {"type": "integer"},
        "total": {"type": "integer"},
        "hasMore": {"type": "boolean"},
        "nextCursor": {"type": ["object", "null"]},
    },
}
# The answer's schema: it is written as bytes.
ROWS_ANSWER = {
    "application/json": {
        "type": "object",
        "required": ["data", "error", "pagination", "version"],
        "properties": {
            "data": {"type": "array", "items": _ROW},
            "error": {"type": "null"},
            "pagination": _PAGINATION,
            "version": {"type": "integer", "description": "The number of the version that was read."},
            "query": {"type": "string", "description": "The query that ran."},
            "resolved_refs": {"type": "object"},
        },
        "examples": [
            {
                "data": [{"id": 1, "city": "Bern"}],
                "error": None,
                "pagination": {"offset": 0, "limit": 100, "total": 1, "hasMore": False, "nextCursor": None},
                "version": 1,
            }
        ],
    }
}


def page_answer(
    rows: bytes,
    pagination: Pagination | dict[str, Any],
    version: int,
    query: str | None = None,
    refs: dict[str, Any] | None = None,
) -> bytes:
    """A page's answer around rows that are JSON already."""
    beside: dict[str, Any] = {"error": None, "pagination": pagination, "version": version}
    if query is not None:
        beside["query"] = query
    if refs is not None:
        beside["resolved_refs"] = refs
    return b'{"data":' + rows + b"," + msgspec.json.encode(beside)[1:]


def read_version_number(query: dict[str, str]) -> int | None:
    """`version` of a query; None without it. Raises InvalidRequest."""
    return read_number(query, "version", 0, 1, LAST_VERSION) or None


def read_number(query: dict[str, str], name: str, default: int, minimum: int, maximum: int) -> int:
    """A whole number of a query. Raises InvalidRequest for no such, or one out of bounds."""
    if name not in query:
        return default
    text = query[name]
    if not (text.isascii() and text.isdigit() and len(text) < 12 and minimum <= int(text) <= maximum):
        raise InvalidRequest(f"{name} must be a whole number from {minimum} to {maximum}.", name)
    return int(text)
