"""Pages of lists: the window of rows that a caller requests, and the page that a verb returns."""

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import msgspec

Item = TypeVar("Item")
Row = TypeVar("Row")


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
