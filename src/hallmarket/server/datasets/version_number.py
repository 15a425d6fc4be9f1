"""Version numbers in requests."""

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.parameters import read_number

MAX_VERSION = 2**31 - 1
VERSION_QUERY = {
    "type": "integer",
    "minimum": 1,
    "maximum": MAX_VERSION,
    "description": "The number of a version. The default is the newest.",
    "examples": [1],
}


def read_version_number(query: dict[str, str]) -> int | None:
    """Read the query parameter `version`; None without it. Raises InvalidRequest."""
    return read_number(query, "version", 0, 1, MAX_VERSION) if "version" in query else None


def parse_version_number(text: str) -> int:
    """Parse the version number in a path. Raises InvalidRequest."""
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise InvalidRequest("A version must be a whole number from 1 up.", "number")
    return int(text)
