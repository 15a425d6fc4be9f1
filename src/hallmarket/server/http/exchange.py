"""The exchange dialect's envelope: what every route outside `/v1` answers with."""

import re
from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar
from uuid import UUID

import msgspec

from hallmarket.server.errors import DomainError, InvalidRequest
from hallmarket.server.http.reply import Reply, exchange_error
from hallmarket.server.paging import Page, make_page
from hallmarket.server.paging import Window as Window

Item = TypeVar("Item")
Row = TypeVar("Row")
MAX_ITEMS = 200
DEEPEST = 2**31
UUID_TEXT = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# How `read_flag` and `read_id` are told of in a route's `opt`; `window_query` is for `read_window`.
FLAG_QUERY = {"type": "boolean", "default": False}
ID_QUERY = {"type": "string", "format": "uuid"}


class Data(msgspec.Struct, Generic[Item], frozen=True):
    """A successful answer."""

    data: Item
    error: None = None


def exchange_reply(outcome: Any, write: Callable[[Any], object] | None = None) -> Reply:
    """Return the response with an outcome: a value, in the form that `write` gives it, or an error."""
    if isinstance(outcome, DomainError):
        return exchange_error(outcome)
    return Reply(200, msgspec.json.encode(Data(outcome if write is None else write(outcome))))


class Pagination(msgspec.Struct, frozen=True, rename="camel"):
    """Where a page stands; `has_more` is exact, `next_cursor` is an object or null."""

    offset: int
    limit: int
    total: int | None
    has_more: bool
    next_cursor: dict[str, Any] | None = None


class Paged(msgspec.Struct, Generic[Item], frozen=True):
    """One page of a longer list."""

    data: list[Item]
    pagination: Pagination
    error: None = None


def paged(page: Page[Item]) -> Paged[Item]:
    """Return a page in its envelope."""
    return Paged(page.items, pagination(page))


def pagination(page: Page[Any]) -> Pagination:
    """Return a page's position in its list, as the envelope has it."""
    cursor = None if page.next_cursor is None else {"cursor": page.next_cursor}
    return Pagination(page.window.offset, page.window.limit, page.total, page.has_more, cursor)


def page_of(
    window: Window,
    rows: Sequence[Row],
    item: Callable[[Row], Item],
    total: int | None = None,
    cursor: Callable[[Row], str] | None = None,
) -> Paged[Item]:
    """As `make_page`, in the envelope."""
    return paged(make_page(window, rows, item, total, cursor))


def read_window(query: dict[str, str], default: int = 50) -> Window:
    """`offset` and `limit` of a query. Raises InvalidRequest for no whole number, or one out of bounds."""
    return Window(read_number(query, "offset", 0, 0, DEEPEST), read_number(query, "limit", default, 1, MAX_ITEMS))


def window_query(default: int = 50) -> dict[str, dict[str, Any]]:
    """What `read_window` reads, for the documentation in a route's `opt`."""
    limit = {"type": "integer", "minimum": 1, "maximum": MAX_ITEMS, "default": default}
    return {
        "offset": {"type": "integer", "minimum": 0, "default": 0, "description": "How many to pass over."},
        "limit": limit | {"description": "How many to answer with."},
    }


def read_flag(query: dict[str, str], name: str) -> bool | None:
    """A parameter that is `true` or `false`; None without it. Raises InvalidRequest for anything else."""
    if name not in query:
        return None
    if query[name] not in ("true", "false"):
        raise InvalidRequest(f"{name} must be true or false.", name)
    return query[name] == "true"


def read_id(text: str, name: str = "id") -> UUID:
    """An id of a path or a query. Raises InvalidRequest, naming it, for no UUID."""
    if not UUID_TEXT.fullmatch(text):
        raise InvalidRequest(f"{name} must be a UUID.", name)
    return UUID(text)


def read_number(query: dict[str, str], name: str, default: int, minimum: int, maximum: int) -> int:
    """Read a whole number. Raises InvalidRequest if it is not one, or out of bounds."""
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 12 and minimum <= int(text) <= maximum):
        raise InvalidRequest(f"{name} must be a whole number from {minimum} to {maximum}.", name)
    return int(text)
