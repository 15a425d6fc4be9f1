"""Long lists, a page at a time."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from hallmarket.client.exchange_types import Page

MAX_ITEMS = 200

Item = TypeVar("Item")


def iterate_pages(fetch: Callable[..., Page[Item]], max_items: int | None, offset: int, **asked: Any) -> Iterator[Item]:
    """Yield what `fetch(limit=…, offset=…)` finds, page by page, up to `max_items` of it."""
    left, has_more = max_items, True
    while has_more and (left is None or left > 0):
        page = fetch(limit=min(MAX_ITEMS, left or MAX_ITEMS), offset=offset, **asked)
        yield from page.data
        offset += len(page.data)
        left = None if left is None else left - len(page.data)
        has_more = page.pagination.has_more and bool(page.data)


def given(params: dict[str, Any]) -> dict[str, Any]:
    """The parameters that have a value."""
    return {name: value for name, value in params.items() if value is not None}


def flag(value: bool) -> str:
    """A truth value as the dialect spells it in a query."""
    return "true" if value else "false"
