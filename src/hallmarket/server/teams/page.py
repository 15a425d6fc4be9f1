"""Pages of a team's lists."""

from collections.abc import Callable, Sequence
from typing import TypeVar

import asyncpg

from hallmarket.server.http.exchange import Paged, Pagination, Window

Item = TypeVar("Item")


def page_of(window: Window, rows: Sequence[asyncpg.Record], item: Callable[[asyncpg.Record], Item]) -> Paged[Item]:
    """A page from up to `limit + 1` rows, of which the one too many says that there is more; nobody counts them all."""
    shown = [item(row) for row in rows[: window.limit]]
    return Paged(shown, Pagination(window.offset, window.limit, None, len(rows) > window.limit))
