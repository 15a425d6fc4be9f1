"""The exchange dialect (every path outside `/v1`): its envelopes of data, pages and errors, and its page parameters."""

from collections.abc import Callable
from typing import Any, Generic, TypeVar

import msgspec

from hallmarket.server.errors import DomainError, RateLimited
from hallmarket.server.http.parameters import read_number
from hallmarket.server.http.reply import Reply
from hallmarket.server.http.status_codes import status_code
from hallmarket.server.paging import Page, Window

Item = TypeVar("Item")
MAX_PAGE_SIZE = 200
MAX_OFFSET = 2**31


class Data(msgspec.Struct, Generic[Item], frozen=True):
    """The envelope of a successful response."""

    data: Item
    error: None = None


class Pagination(msgspec.Struct, frozen=True, rename="camel"):
    """A page's position in its list. `has_more` is exact; `next_cursor` is an object or null."""

    offset: int
    limit: int
    total: int | None
    has_more: bool
    next_cursor: dict[str, Any] | None = None


class Paged(msgspec.Struct, Generic[Item], frozen=True):
    """The envelope of one page of a list."""

    data: list[Item]
    pagination: Pagination
    error: None = None


def paged(page: Page[Item]) -> Paged[Item]:
    """Return a page in its envelope."""
    return Paged(page.items, pagination(page))


def pagination(page: Page[Any]) -> Pagination:
    """Return a page's position in its list, as the envelope shows it."""
    cursor = None if page.next_cursor is None else {"cursor": page.next_cursor}
    return Pagination(page.window.offset, page.window.limit, page.total, page.has_more, cursor)


def exchange_reply(outcome: Any, write: Callable[[Any], object] | None = None) -> Reply:
    """Return the response with an outcome: a value, in the form that `write` gives it, or an error."""
    if isinstance(outcome, DomainError):
        return exchange_error(outcome)
    return Reply(200, msgspec.json.encode(Data(outcome if write is None else write(outcome))))


def exchange_error(error: DomainError) -> Reply:
    """Return the response to an error in the exchange dialect, without headers."""
    status = 429 if isinstance(error, RateLimited) else status_code(error)
    fields: dict[str, object] = {"message": error.message, "code": error.code.lower(), "status": status}
    if error.details is not None:
        fields["details"] = error.details
    return Reply(status, msgspec.json.encode({"data": None, "error": fields}))


def read_window(query: dict[str, str], default: int = 50) -> Window:
    """Read `offset` and `limit` of a query. Raises InvalidRequest naming the invalid parameter."""
    return Window(
        read_number(query, "offset", 0, 0, MAX_OFFSET), read_number(query, "limit", default, 1, MAX_PAGE_SIZE)
    )


def window_query(default: int = 50) -> dict[str, dict[str, Any]]:
    """Return the parameters of `read_window`, for a route's `opt`."""
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_PAGE_SIZE, "default": default}
    return {
        "offset": {"type": "integer", "minimum": 0, "default": 0, "description": "Number of items to skip."},
        "limit": limit | {"description": "Maximum number of items to return."},
    }
