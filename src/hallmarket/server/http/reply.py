"""Complete responses as bytes."""

from collections.abc import Sequence

import msgspec

Headers = list[tuple[bytes, bytes]]

JSON = b"application/json"


class Reply(msgspec.Struct, frozen=True):
    """A complete response: status, body, and the headers other than content-type and content-length."""

    status: int
    body: bytes
    headers: Sequence[tuple[bytes, bytes]] = ()
    content_type: bytes = JSON


def apply_if_none_match(reply: Reply, if_none_match: bytes | None) -> Reply:
    """Return a 304 if the client already has the reply, whose first header is its ETag (RFC 9110, 13.1.2)."""
    if if_none_match is not None and (reply.headers[0][1] in if_none_match or if_none_match.strip() == b"*"):
        return Reply(304, b"", reply.headers, reply.content_type)
    return reply
