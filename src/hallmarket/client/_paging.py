"""Iteration over paged lists, and query parameters."""

from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from hallmarket.client._exchange_types import Page

MAX_PAGE_ITEMS = 200

Item = TypeVar("Item")


def iterate_pages(
    fetch: Callable[..., Page[Item]], max_items: int | None, offset: int, **params: Any
) -> Iterator[Item]:
    """Yield the items of `fetch(limit=…, offset=…)` page by page, at most `max_items` of them."""
    remaining, has_more = max_items, True
    while has_more and (remaining is None or remaining > 0):
        page = fetch(limit=min(MAX_PAGE_ITEMS, remaining or MAX_PAGE_ITEMS), offset=offset, **params)
        yield from page.data
        offset += len(page.data)
        remaining = None if remaining is None else remaining - len(page.data)
        has_more = page.pagination.has_more and bool(page.data)


def without_none(params: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters that have a value."""
    return {name: value for name, value in params.items() if value is not None}


def boolean(value: bool) -> str:
    """Return a boolean as the exchange API writes it in a query string."""
    return "true" if value else "false"
