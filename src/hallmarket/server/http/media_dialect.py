"""The media dialect (`/v1/…`): its errors and pages, and the parameters that select a page.

A page is selected by number, as the reference defines it, or by cursor, whose cost does not grow with depth.
"""

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from hallmarket.server.errors import DomainError, InvalidRequest
from hallmarket.server.paging import make_cursor, parse_cursor

Item = TypeVar("Item")
WHOLE_NUMBER = re.compile(r"[0-9]{1,30}")
MAX_PAGE_SIZE = 100
MAX_OFFSET = 2**62  # more rows than any database has; PostgreSQL's `offset` is a 64-bit number
PAGE_QUERY = {
    "page": {"type": "integer", "minimum": 1, "default": 1, "description": "Page number. Deep pages are slower."},
    "limit": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_PAGE_SIZE,
        "default": 10,
        "description": "Items per page.",
    },
    "cursor": {
        "type": "string",
        "description": "Continue after an earlier page: its `nextCursor`. Equally fast at any depth.",
    },
}


class PageRequest(msgspec.Struct, frozen=True):
    """The requested page: the one at `offset`, or the one that follows the row `after` (its time and id)."""

    page: int | None
    limit: int
    offset: int
    after: tuple[datetime, UUID] | None


class Page(msgspec.Struct, Generic[Item], frozen=True, rename="camel"):
    """A page as the media dialect writes it. `next_cursor` is null on the last page."""

    total: int
    page: int | None
    limit: int
    items: list[Item]
    next_cursor: str | None


def is_media_path(path: str) -> bool:
    """Return whether a path belongs to the media dialect. All other paths belong to the exchange dialect."""
    return path == "/v1" or path.startswith("/v1/")


def media_error(error: DomainError) -> dict[str, object]:
    """Return an error as the media dialect's JSON object."""
    return {"code": error.code, "message": error.message, "details": error.details}


def read_page(query: dict[str, str]) -> PageRequest:
    """Read `page`, `limit` and `cursor` of a query. Raises InvalidRequest naming the invalid parameter."""
    limit = _read_number(query, "limit", 10)
    if limit > MAX_PAGE_SIZE:
        raise InvalidRequest(f"limit must be a whole number from 1 to {MAX_PAGE_SIZE}.", "limit")
    page = _read_number(query, "page", 1)
    if "cursor" in query:
        return PageRequest(None, limit, 0, parse_cursor(query["cursor"]))
    return PageRequest(page, limit, min((page - 1) * limit, MAX_OFFSET), None)


def make_page(
    request: PageRequest,
    total: int,
    rows: Sequence[Any],
    item: Callable[[Any], Item],
    position: Callable[[Any], tuple[datetime, UUID]],
) -> Page[Item]:
    """Make a page from up to `limit + 1` rows; the extra row only shows that more follow.

    `position` returns a row's time and id, which the cursor contains.
    """
    shown = rows[: request.limit]
    cursor = make_cursor(*position(shown[-1])) if len(rows) > request.limit else None
    return Page(total, request.page, request.limit, [item(row) for row in shown], cursor)


def _read_number(query: dict[str, str], name: str, default: int) -> int:
    if name not in query:
        return default
    if not WHOLE_NUMBER.fullmatch(query[name]) or int(query[name]) < 1:
        raise InvalidRequest(f"{name} must be a whole number from 1 up.", name)
    return int(query[name])
