"""Responses to errors, in the dialect that the requested path belongs to."""

import msgspec

from hallmarket.server import errors
from hallmarket.server.http.exchange_dialect import exchange_error
from hallmarket.server.http.media_dialect import is_media_path, media_error
from hallmarket.server.http.reply import Headers, Reply
from hallmarket.server.http.status_codes import status_code


def error_reply(path: str, error: errors.DomainError) -> Reply:
    """Return the response to an error of a request of `path`."""
    if is_media_path(path):
        reply = Reply(status_code(error), msgspec.json.encode(media_error(error)))
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
        headers.append((b"access-control-allow-origin", b"*"))  # so that pages of other origins can read the error
    if isinstance(error, errors.NotFound) and path.startswith("/v1/public/"):
        # Long enough to absorb a burst of requests, short enough that a file anchored meanwhile is found soon.
        headers.append((b"cache-control", b"public, max-age=5"))
    else:
        headers.append((b"cache-control", b"no-store"))
    return Reply(reply.status, reply.body, headers)


def internal_error_reply(path: str) -> Reply:
    """Return the response to an unexpected exception, which refers to the log."""
    return error_reply(path, errors.DomainError("Something went wrong on our side; it is logged under x-request-id."))
