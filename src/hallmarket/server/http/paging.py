"""Pages: by number, as the media reference has them, and by cursor, which no depth makes slower."""

import base64
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Generic, TypeVar
from urllib.parse import parse_qsl
from uuid import UUID

import msgspec

from hallmarket.server.errors import InvalidRequest

Item = TypeVar("Item")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NUMBER = re.compile(r"[0-9]{1,30}")
MAX_ITEMS = 100
# Past this many rows a page number is past every registry's end, and past what the database counts with.
DEEPEST = 2**62
PAGE_QUERY = {
    "page": {"type": "integer", "minimum": 1, "default": 1, "description": "Which page; slower with depth."},
    "limit": {
        "type": "integer",
        "minimum": 1,
        "maximum": MAX_ITEMS,
        "default": 10,
        "description": "Items on a page.",
    },
    "cursor": {"type": "string", "description": "Go on after an earlier page: its `nextCursor`. Fast at any depth."},
}


class PageRequest(msgspec.Struct, frozen=True):
    """Which page is wanted: the one at `offset`, or the one that follows the row `after` (its time and id)."""

    page: int | None
    limit: int
    offset: int
    after: tuple[datetime, UUID] | None


class Page(msgspec.Struct, Generic[Item], frozen=True, rename="camel"):
    """A page as the media dialect writes it; `next_cursor` is null on the last."""

    total: int
    page: int | None
    limit: int
    items: list[Item]
    next_cursor: str | None


def read_query(query: bytes) -> dict[str, str]:
    """The query's parameters. Raises InvalidRequest for one given twice, or one that holds a NUL or is no UTF-8."""
    given: dict[str, str] = {}
    try:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise InvalidRequest("The query is no UTF-8.", "query") from None
    for name, value in pairs:
        if name in given:
            raise InvalidRequest(f"{name[:40]!r} is given twice.", name[:40])
        if "\0" in value:
            raise InvalidRequest("NUL is in no name, number or time.", name[:40])
        given[name] = value
    return given


def read_page(query: dict[str, str]) -> PageRequest:
    """`page`, `limit` and `cursor` of the query. Raises InvalidRequest for no whole number, or one out of bounds."""
    limit = _number(query, "limit", 10)
    if limit > MAX_ITEMS:
        raise InvalidRequest(f"limit must be a whole number from 1 to {MAX_ITEMS}.", "limit")
    page = _number(query, "page", 1)
    if "cursor" in query:
        return PageRequest(None, limit, 0, read_cursor(query["cursor"]))
    return PageRequest(page, limit, min((page - 1) * limit, DEEPEST), None)


def read_time(query: dict[str, str], field: str) -> datetime | None:
    """A date or time of the query, in UTC unless it says otherwise; None without it. Raises InvalidRequest."""
    return parse_time(query[field], field) if field in query else None


def parse_time(text: str, field: str) -> datetime:
    """An ISO 8601 date or time, in UTC unless it says otherwise. Raises InvalidRequest, naming the field."""
    try:
        # A `+` that a client forgot to quote arrives as a space.
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidRequest(
            f"{field} must be an ISO 8601 date or time, such as 2026-01-31T12:00:00Z.", field
        ) from None


def make_page(
    wanted: PageRequest,
    total: int,
    rows: Sequence[Any],
    item: Callable[[Any], Item],
    place: Callable[[Any], tuple[datetime, UUID]],
) -> Page[Item]:
    """A page from up to `limit + 1` rows: the one row too many says that there is more."""
    shown = rows[: wanted.limit]
    cursor = write_cursor(*place(shown[-1])) if len(rows) > wanted.limit else None
    return Page(total, wanted.page, wanted.limit, [item(row) for row in shown], cursor)


def _number(query: dict[str, str], name: str, default: int) -> int:
    if name not in query:
        return default
    if not NUMBER.fullmatch(query[name]) or int(query[name]) < 1:
        raise InvalidRequest(f"{name} must be a whole number from 1 up.", name)
    return int(query[name])


def write_cursor(moment: datetime, row_id: UUID) -> str:
    """The place of a row, by its time and id, as a text to come back with."""
    micros = (moment - EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(micros.to_bytes(8, "big", signed=True) + row_id.bytes).decode()


def read_cursor(text: str) -> tuple[datetime, UUID]:
    """The place that `write_cursor` wrote. Raises InvalidRequest for anything else."""
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
        moment = EPOCH + timedelta(microseconds=int.from_bytes(raw[:8], "big", signed=True))
        return moment, UUID(bytes=raw[8:])
    except (ValueError, OverflowError):
        raise InvalidRequest("cursor must be a nextCursor of an earlier page.", "cursor") from None
