"""Answers as bytes, and domain errors as answers, each in the dialect of the path it stands under."""

from collections.abc import Sequence

import msgspec

from hallmarket.server import errors

Headers = list[tuple[bytes, bytes]]

JSON = b"application/json"
STATUS: dict[type[errors.DomainError], int] = {
    errors.InvalidRequest: 400,
    errors.InvalidHash: 400,
    errors.Unauthenticated: 401,
    errors.InsufficientFunds: 402,
    errors.Forbidden: 403,
    errors.RateLimited: 403,
    errors.NotFound: 404,
    errors.MethodNotAllowed: 405,
    errors.Duplicate: 409,
    errors.Conflict: 409,
    errors.LastAdministrator: 409,
    errors.PayloadTooLarge: 413,
    errors.RangeNotSatisfiable: 416,
    errors.IdempotencyMismatch: 422,
    errors.Unavailable: 503,
}


class Reply(msgspec.Struct, frozen=True):
    """A whole answer: status, body, and the headers beside content-type and content-length."""

    status: int
    body: bytes
    headers: Sequence[tuple[bytes, bytes]] = ()
    content_type: bytes = JSON


def unless_known(reply: Reply, if_none_match: bytes | None) -> Reply:
    """304 in place of a reply whose entity tag, its first header, the caller has already (RFC 9110, 13.1.2)."""
    if if_none_match is not None and (reply.headers[0][1] in if_none_match or if_none_match.strip() == b"*"):
        return Reply(304, b"", reply.headers, reply.content_type)
    return reply


def in_media_dialect(path: str) -> bool:
    """Whether a path lies in the media dialect's space; everything else speaks the exchange dialect."""
    return path == "/v1" or path.startswith("/v1/")


def with_head(allow: str) -> str:
    """A list of methods with HEAD in it if GET is: the edge answers one as the other without its body."""
    methods = set(allow.replace(",", " ").split())
    return ", ".join(sorted(methods | {"HEAD"} if "GET" in methods else methods))


def status_of(error: errors.DomainError) -> int:
    """The media dialect's HTTP status for an error; 500 for one without a place in the table."""
    return next((STATUS[kind] for kind in type(error).__mro__ if kind in STATUS), 500)


def media_error(error: errors.DomainError) -> dict[str, object]:
    """The media dialect's error object."""
    return {"code": error.code, "message": error.message, "details": error.details}


def exchange_error(error: errors.DomainError) -> Reply:
    """An error as the exchange dialect writes it, without headers."""
    status = 429 if isinstance(error, errors.RateLimited) else status_of(error)
    shown: dict[str, object] = {"message": error.message, "code": error.code.lower(), "status": status}
    if error.details is not None:
        shown["details"] = error.details
    return Reply(status, msgspec.json.encode({"data": None, "error": shown}))


def error_reply(path: str, error: errors.DomainError) -> Reply:
    """An error as the dialect of `path` writes it."""
    if in_media_dialect(path):
        reply = Reply(status_of(error), msgspec.json.encode(media_error(error)))
    else:
        reply = exchange_error(error)
    headers: Headers = []
    if isinstance(error, errors.RateLimited | errors.Unavailable):
        headers.append((b"retry-after", b"%d" % error.retry_after_s))
    if isinstance(error, errors.MethodNotAllowed):
        headers.append((b"allow", error.allow.encode()))
    if isinstance(error, errors.RangeNotSatisfiable):
        headers.append((b"content-range", b"bytes */%d" % error.size_bytes))
    if path.startswith("/v1/public/"):
        headers.append((b"access-control-allow-origin", b"*"))  # pages of other origins may read the error, too
    if isinstance(error, errors.NotFound) and path.startswith("/v1/public/"):
        # Long enough to spare us a stampede, short enough that a file anchored meanwhile is soon found.
        headers.append((b"cache-control", b"public, max-age=5"))
    else:
        headers.append((b"cache-control", b"no-store"))
    return Reply(reply.status, reply.body, headers)


def crash_reply(path: str) -> Reply:
    """What a caller is told of an unexpected exception: that it is ours, and logged under the request's id."""
    return error_reply(path, errors.DomainError("Something went wrong on our side; it is logged under x-request-id."))
