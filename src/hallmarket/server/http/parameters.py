"""Path and query parameters: parse the query, and read flags, ids, whole numbers and times."""

import re
from datetime import UTC, datetime
from urllib.parse import parse_qsl
from uuid import UUID

from hallmarket.server.errors import InvalidRequest

UUID_PATTERN = re.compile(r"[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
# JSON schemas of query parameters, for a route's `opt`.
FLAG_QUERY = {"type": "boolean", "default": False}
ID_QUERY = {"type": "string", "format": "uuid"}


def parse_query(query: bytes) -> dict[str, str]:
    """Parse a query string. Raises InvalidRequest if a name is repeated, a value contains NUL, or it is not UTF-8."""
    parameters: dict[str, str] = {}
    try:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, errors="strict")
    except UnicodeDecodeError:
        raise InvalidRequest("The query is not UTF-8.", "query") from None
    for name, value in pairs:
        if name in parameters:
            raise InvalidRequest(f"{name[:40]!r} is given twice.", name[:40])
        if "\0" in value:
            raise InvalidRequest("A parameter may not contain NUL.", name[:40])
        parameters[name] = value
    return parameters


def read_flag(query: dict[str, str], name: str) -> bool | None:
    """Read a parameter that is `true` or `false`; None if it is missing. Raises InvalidRequest for any other value."""
    if name not in query:
        return None
    if query[name] not in ("true", "false"):
        raise InvalidRequest(f"{name} must be true or false.", name)
    return query[name] == "true"


def read_number(query: dict[str, str], name: str, default: int, minimum: int, maximum: int) -> int:
    """Read a whole number. Raises InvalidRequest if it is not one, or is out of bounds."""
    text = query.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) < 12 and minimum <= int(text) <= maximum):
        raise InvalidRequest(f"{name} must be a whole number from {minimum} to {maximum}.", name)
    return int(text)


def read_id(text: str, name: str = "id") -> UUID:
    """Read a UUID from a path or query parameter. Raises InvalidRequest naming the parameter."""
    if not UUID_PATTERN.fullmatch(text):
        raise InvalidRequest(f"{name} must be a UUID.", name)
    return UUID(text)


def read_time(query: dict[str, str], name: str) -> datetime | None:
    """Read a date or time, UTC unless it has another offset; None if it is missing. Raises InvalidRequest."""
    return parse_time(query[name], name) if name in query else None


def parse_time(text: str, field: str) -> datetime:
    """Parse an ISO 8601 date or time, UTC unless it has another offset. Raises InvalidRequest naming the field."""
    try:
        # A `+` that the client did not percent-encode arrives as a space.
        moment = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)
        return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise InvalidRequest(
            f"{field} must be an ISO 8601 date or time, such as 2026-01-31T12:00:00Z.", field
        ) from None
