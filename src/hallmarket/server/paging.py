"""Pages of lists: the window of rows that a caller requests, the page that a verb returns, and cursors."""

import base64
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Generic, TypeVar
from uuid import UUID

import msgspec

from hallmarket.server.errors import InvalidRequest

Item = TypeVar("Item")
Row = TypeVar("Row")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Window(msgspec.Struct, frozen=True):
    """The requested rows of a list: at most `limit` rows after skipping `offset`."""

    offset: int
    limit: int


class Page(msgspec.Struct, Generic[Item], frozen=True):
    """The items of one window. `total` is None if the rows were not counted; `next_cursor` is None on the last page."""

    items: list[Item]
    window: Window
    has_more: bool
    total: int | None = None
    next_cursor: str | None = None


def make_page(
    window: Window,
    rows: Sequence[Row],
    item: Callable[[Row], Item],
    total: int | None = None,
    cursor: Callable[[Row], str] | None = None,
) -> Page[Item]:
    """Make a page from up to `limit + 1` rows; the extra row only shows that more follow.

    `cursor` returns the cursor that continues the list after a row.
    """
    shown, has_more = rows[: window.limit], len(rows) > window.limit
    next_cursor = cursor(shown[-1]) if cursor is not None and has_more else None
    return Page([item(row) for row in shown], window, has_more, total, next_cursor)


def make_cursor(moment: datetime, row_id: UUID) -> str:
    """Encode a row's position in a list, which is its time and id."""
    micros = (moment - EPOCH) // timedelta(microseconds=1)
    return base64.urlsafe_b64encode(micros.to_bytes(8, "big", signed=True) + row_id.bytes).decode()


def parse_cursor(text: str) -> tuple[datetime, UUID]:
    """Decode a cursor from `make_cursor`. Raises InvalidRequest for any other text."""
    try:
        raw = base64.b64decode(text, altchars=b"-_", validate=True)
        moment = EPOCH + timedelta(microseconds=int.from_bytes(raw[:8], "big", signed=True))
        return moment, UUID(bytes=raw[8:])
    except (ValueError, OverflowError):
        raise InvalidRequest("cursor must be a nextCursor of an earlier page.", "cursor") from None
