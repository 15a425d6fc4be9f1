"""HTTP routes of downloads, and how every route sends an asset's content: whole, in part, or as 304."""

from collections.abc import AsyncGenerator, Sequence
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from hallmarket.server.catalog.content_disposition import content_disposition
from hallmarket.server.catalog.content_provider import ContentProviders, Download
from hallmarket.server.catalog.download import (
    DownloadRequest,
    DownloadUrl,
    create_download_url,
    get_download,
    get_signed_download,
)
from hallmarket.server.catalog.record_event import record_download
from hallmarket.server.catalog.signed_urls import SignedUrls
from hallmarket.server.database.connections import Database
from hallmarket.server.errors import InvalidRequest, Locked, RangeNotSatisfiable
from hallmarket.server.http.body import read_body
from hallmarket.server.http.exchange_dialect import Data
from hallmarket.server.http.openapi_components import response_spec
from hallmarket.server.http.parameters import read_id
from hallmarket.server.http.ranges import find_range, matches_etag
from hallmarket.server.http.reply import Headers
from hallmarket.server.http.request_context import RequestContext, request_context
from hallmarket.server.http.streaming_response import StreamingResponse, as_generator, read_first_chunk

AnyRequest = Request[Any, Any, Any]
MAX_BODY_BYTES = 64 * 1024
BINARY: dict[str, Any] = {"*/*": {"type": "string", "format": "binary"}}
DOWNLOAD: dict[str, Any] = {
    "scope": "assets:read",
    "raises": (Locked,),
    "body": {
        "application/json": {
            "type": "object",
            "properties": {
                "asset_type": {"type": ["string", "null"], "enum": ["dataset", "file", "post", "comment", None]},
                "format": {"type": ["string", "null"], "description": "For example `markdown` or `html` for a post."},
            },
        }
    },
    "body_required": False,
    "example": {},
}
SIGNED_DOWNLOAD: dict[str, Any] = {
    "headers": {"Range": {"type": "string", "description": "One range: `bytes=0-499`, `bytes=500-` or `bytes=-500`."}},
    "success": BINARY,
    "raises": (Locked, RangeNotSatisfiable),
}
PARTIAL_RESPONSES = {
    206: response_spec(None, "The bytes that `Range` requests."),
    304: response_spec(None, "You have these bytes already: `If-None-Match` has their `ETag`."),
}
# Keep browsers from rendering uploaded bytes as a page of this server, and from running scripts in them.
UNTRUSTED_CONTENT: Headers = [
    (b"x-content-type-options", b"nosniff"),
    (b"content-security-policy", b"sandbox; default-src 'none'"),
    (b"cache-control", b"private, no-cache"),
]
HEADERS_OF_304 = (b"etag", b"cache-control", b"content-security-policy", b"x-content-type-options")
_decoder = msgspec.json.Decoder(DownloadRequest)


def download_routes(
    database: Database, providers: ContentProviders, signed_urls: SignedUrls
) -> Sequence[HTTPRouteHandler]:
    """Return the routes of downloads."""

    @post(
        "/assets/{asset_id:str}/download",
        opt=DOWNLOAD | {"success": BINARY},
        status_code=200,
        summary="Download an asset's content",
    )
    async def download(request: AnyRequest, asset_id: FromPath[str]) -> Response[bytes]:
        context = request_context(request.scope)
        principal, requested_id = context.principal, read_id(asset_id, "asset_id")
        _, found = await get_download(database, providers, principal, requested_id, await _read_request(context))
        response = await _send(context, found, _headers(found))
        await record_download(database, principal, requested_id)
        return response

    @post(
        "/assets/{asset_id:str}/download-url",
        opt=DOWNLOAD,
        status_code=200,
        summary="Create a URL that downloads an asset's content without a token, for an hour",
    )
    async def download_url(request: AnyRequest, asset_id: FromPath[str]) -> Data[DownloadUrl]:
        context = request_context(request.scope)
        requested = read_id(asset_id, "asset_id"), await _read_request(context)
        return Data(
            await create_download_url(database, providers, signed_urls, context.principal, context.base_url, *requested)
        )

    @get(
        "/downloads/{token:str}",
        opt=SIGNED_DOWNLOAD,
        summary="Download what a signed URL grants",
        responses=PARTIAL_RESPONSES,
    )
    async def signed_download(request: AnyRequest, token: FromPath[str]) -> Response[bytes]:
        context = request_context(request.scope)
        principal, asset_id, found = await get_signed_download(database, providers, signed_urls, token)
        response = await send_part(context, found)
        if _starts_a_download(context, response):
            await record_download(database, principal, asset_id)
        return response

    return [download, download_url, signed_download]


async def send_part(context: RequestContext, download: Download) -> StreamingResponse:
    """Respond to a GET or HEAD with all of the content, the requested range, or 304.

    Raises RangeNotSatisfiable, Unavailable.
    """
    headers = _headers(download)
    if matches_etag(context, download.etag):
        return StreamingResponse(304, [header for header in headers if header[0] in HEADERS_OF_304], None)
    if (size_bytes := download.size_bytes) is None or download.etag is None:
        return await _send(context, download, headers)
    headers.append((b"accept-ranges", b"bytes"))
    if (part := find_range(context, size_bytes, download.etag)) is None:
        return await _send(context, download, headers)
    first, last = part
    headers.append((b"content-range", b"bytes %d-%d/%d" % (first, last, size_bytes)))
    headers.append((b"content-length", b"%d" % (last - first + 1)))
    return StreamingResponse(206, headers, await _open(context, download, first, last))


def _starts_a_download(context: RequestContext, sending: StreamingResponse) -> bool:
    """Whether a response sends the content from its first byte. A resumed download was counted when it started."""
    if context.method != "GET":
        return False
    if sending.status_code == 206:
        return context.headers[b"range"].replace(b" ", b"").startswith(b"bytes=0-")
    return sending.status_code == 200


async def _send(context: RequestContext, download: Download, headers: Headers) -> StreamingResponse:
    if download.size_bytes is not None:
        headers.append((b"content-length", b"%d" % download.size_bytes))
    return StreamingResponse(200, headers, await _open(context, download, 0, None))


async def _open(
    context: RequestContext, download: Download, first: int, last: int | None
) -> AsyncGenerator[bytes, None] | None:
    if context.method == "HEAD":
        return None
    return await read_first_chunk(as_generator(download.read(first, last)))


def _headers(download: Download) -> Headers:
    headers = [(b"content-type", download.content_type.encode("latin-1", "replace"))]
    headers.append((b"content-disposition", content_disposition(download.file_name)))
    if download.etag is not None:
        headers.append((b"etag", download.etag.encode()))
    return headers + UNTRUSTED_CONTENT


async def _read_request(context: RequestContext) -> DownloadRequest:
    body = await read_body(context, MAX_BODY_BYTES)
    if not body.strip():
        return DownloadRequest()
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"The body must be a JSON object, or empty: {error}", "body") from None
