"""Send an asset's content over HTTP, whole or in part: used by the routes of every type of asset."""

from collections.abc import AsyncGenerator

from hallmarket.server.catalog.content_disposition import attachment
from hallmarket.server.catalog.content_provider import Download
from hallmarket.server.http.ranges import find_range, is_known
from hallmarket.server.http.reply import Headers
from hallmarket.server.http.request_context import RequestContext
from hallmarket.server.http.sending import Sending, as_generator, begun

# No browser shows uploaded bytes as a page of this server, or runs a script in them.
USER_BYTES: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"sandbox; default-src 'none'"),
    (b"cache-control", b"private, no-cache"),
]
KEPT_BY_304 = (b"etag", b"cache-control", b"content-security-policy", b"x-content-type-options")


async def send_whole(context: RequestContext, download: Download) -> Sending:
    """Send all of the content. Raises Unavailable."""
    return await _send(context, download, _headers(download))


async def send_part(context: RequestContext, download: Download) -> Sending:
    """Send what a GET or HEAD asks for: all, a part, or 304. Raises RangeNotSatisfiable, Unavailable."""
    headers = _headers(download)
    if is_known(context, download.etag):
        return Sending(304, [header for header in headers if header[0] in KEPT_BY_304], None)
    if (size_bytes := download.size_bytes) is None or download.etag is None:
        return await _send(context, download, headers)
    headers.append((b"accept-ranges", b"bytes"))
    if (part := find_range(context, size_bytes, download.etag)) is None:
        return await _send(context, download, headers)
    first, last = part
    headers.append((b"content-range", b"bytes %d-%d/%d" % (first, last, size_bytes)))
    headers.append((b"content-length", b"%d" % (last - first + 1)))
    return Sending(206, headers, await _pieces(context, download, first, last))


def is_first_part(context: RequestContext, sending: Sending) -> bool:
    """Whether a GET is answered from the content's first byte on. A resumed download was counted when it began."""
    if context.method != "GET":
        return False
    if sending.status_code == 206:
        return context.headers[b"range"].replace(b" ", b"").startswith(b"bytes=0-")
    return sending.status_code == 200


async def _send(context: RequestContext, download: Download, headers: Headers) -> Sending:
    if download.size_bytes is not None:
        headers.append((b"content-length", b"%d" % download.size_bytes))
    return Sending(200, headers, await _pieces(context, download, 0, None))


async def _pieces(
    context: RequestContext, download: Download, first: int, last: int | None
) -> AsyncGenerator[bytes, None] | None:
    if context.method == "HEAD":
        return None
    return await begun(as_generator(download.read(first, last)))


def _headers(download: Download) -> Headers:
    headers = [(b"content-type", download.content_type.encode("latin-1", "replace"))]
    headers.append((b"content-disposition", attachment(download.file_name)))
    if download.etag is not None:
        headers.append((b"etag", download.etag.encode()))
    return headers + USER_BYTES
