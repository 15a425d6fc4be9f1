"""Conditional and partial downloads: `Range`, `If-Range` and `If-None-Match` (RFC 9110, 13 and 14)."""

import re

from hallmarket.server.errors import RangeNotSatisfiable
from hallmarket.server.http.request_context import RequestContext

ONE_RANGE = re.compile(rb"bytes=[ \t]*(\d{0,19})-(\d{0,19})[ \t]*")


def matches_etag(context: RequestContext, etag: str | None) -> bool:
    """Return whether If-None-Match contains the ETag, so that the client has the content already."""
    given = context.headers.get(b"if-none-match")
    if given is None or etag is None:
        return False
    tags = [tag.strip().removeprefix(b"W/") for tag in given.split(b",")]
    return tags == [b"*"] or etag.encode() in tags


def find_range(context: RequestContext, size_bytes: int, etag: str) -> tuple[int, int] | None:
    """Return the first and last byte of the requested range; None to send everything.

    Everything is sent for several ranges, an invalid or unknown form, and an If-Range of other content.
    Raises RangeNotSatisfiable if the range begins after the end.
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
            return None  # an invalid range is ignored
    if begin >= size_bytes or (not first and int(last) == 0):
        raise RangeNotSatisfiable(size_bytes)
    return begin, end
