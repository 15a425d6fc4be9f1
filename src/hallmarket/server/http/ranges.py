"""Parts of a download: `Range`, `If-Range` and `If-None-Match` (RFC 9110, 13 and 14)."""

import re

from hallmarket.server.errors import RangeNotSatisfiable
from hallmarket.server.http.request_context import RequestContext

ONE_RANGE = re.compile(rb"bytes=[ \t]*(\d{0,19})-(\d{0,19})[ \t]*")


def is_known(context: RequestContext, etag: str | None) -> bool:
    """Whether the caller has these bytes already, by what they say of it."""
    given = context.headers.get(b"if-none-match")
    if given is None or etag is None:
        return False
    tags = [tag.strip().removeprefix(b"W/") for tag in given.split(b",")]
    return tags == [b"*"] or etag.encode() in tags


def find_range(context: RequestContext, size_bytes: int, etag: str) -> tuple[int, int] | None:
    """The first and the last byte that are asked for; None for all of them.

    All are sent to whoever asks for several parts, for one in a form that nobody knows, or for one of other bytes than
    these. Raises RangeNotSatisfiable for a part that begins behind the end.
    """
    found = ONE_RANGE.fullmatch(context.headers.get(b"range", b""))
    if context.headers.get(b"if-range", etag.encode()) != etag.encode() or found is None or found[0] == b"bytes=-":
        return None
    first, last = found[1], found[2]
    if not first and not last:
        return None
    if not first:
        begin, end = max(size_bytes - int(last), 0), size_bytes - 1
    else:
        begin, end = int(first), min(int(last), size_bytes - 1) if last else size_bytes - 1
        if last and int(last) < begin:
            return None  # no range at all
    if begin >= size_bytes or (not first and int(last) == 0):
        raise RangeNotSatisfiable(size_bytes)
    return begin, end
