"""Downloads of assets of every type: HTTP only."""

from collections.abc import Sequence
from typing import Any

import msgspec
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from hallmarket.server.catalog.content_provider import ContentProviders
from hallmarket.server.catalog.download import (
    DownloadUrl,
    Wanted,
    find_download,
    make_download_url,
    open_link,
)
from hallmarket.server.catalog.record_event import record_download
from hallmarket.server.catalog.send_routes import is_first_part, send_part, send_whole
from hallmarket.server.catalog.signed_urls import SignedUrls
from hallmarket.server.database.connections import Database
from hallmarket.server.errors import InvalidRequest, Locked, RangeNotSatisfiable
from hallmarket.server.http.body import read_body
from hallmarket.server.http.exchange import Data, read_id
from hallmarket.server.http.openapi_parts import answer
from hallmarket.server.http.request_context import RequestContext, request_context

AnyRequest = Request[Any, Any, Any]
MAX_BODY_BYTES = 64 * 1024
BINARY: dict[str, Any] = {"*/*": {"type": "string", "format": "binary"}}
WANTED: dict[str, Any] = {
    "scope": "assets:read",
    "raises": (Locked,),
    "body": {
        "application/json": {
            "type": "object",
            "properties": {
                "asset_type": {"type": ["string", "null"], "enum": ["dataset", "file", "post", "comment", None]},
                "format": {"type": ["string", "null"], "description": "`markdown` or `html` of a post, for one."},
            },
        }
    },
    "body_required": False,
    "example": {},
}
LINK: dict[str, Any] = {
    "headers": {"Range": {"type": "string", "description": "One part: `bytes=0-499`, `bytes=500-`, `bytes=-500`."}},
    "answer": BINARY,
    "raises": (Locked, RangeNotSatisfiable),
}
PARTS = {
    206: answer(None, "The part that `Range` asks for."),
    304: answer(None, "The bytes you have, by their `ETag` in `If-None-Match`."),
}
_decoder = msgspec.json.Decoder(Wanted)


def download_routes(
    database: Database, providers: ContentProviders, signed_urls: SignedUrls
) -> Sequence[HTTPRouteHandler]:
    """The routes of downloads; each type of assets offers its own in `providers`."""

    @post(
        "/assets/{asset_id:str}/download",
        opt=WANTED | {"answer": BINARY},
        status_code=200,
        summary="An asset's content",
    )
    async def download(request: AnyRequest, asset_id: FromPath[str]) -> Response[bytes]:
        context = request_context(request.scope)
        principal, wanted_id = context.principal, read_id(asset_id, "asset_id")
        _, found = await find_download(database, providers, principal, wanted_id, await _read(context))
        response = await send_whole(context, found)
        await record_download(database, principal, wanted_id)
        return response

    @post(
        "/assets/{asset_id:str}/download-url",
        opt=WANTED,
        status_code=200,
        summary="An address of an asset's content that needs no token, for an hour",
    )
    async def download_url(request: AnyRequest, asset_id: FromPath[str]) -> Data[DownloadUrl]:
        context = request_context(request.scope)
        wanted = read_id(asset_id, "asset_id"), await _read(context)
        return Data(
            await make_download_url(database, providers, signed_urls, context.principal, context.base_url, *wanted)
        )

    @get("/downloads/{token:str}", opt=LINK, summary="What a download address opens", responses=PARTS)
    async def linked(request: AnyRequest, token: FromPath[str]) -> Response[bytes]:
        context = request_context(request.scope)
        principal, asset_id, found = await open_link(database, providers, signed_urls, token)
        response = await send_part(context, found)
        if is_first_part(context, response):
            await record_download(database, principal, asset_id)
        return response

    return [download, download_url, linked]


async def _read(context: RequestContext) -> Wanted:
    body = await read_body(context, MAX_BODY_BYTES)
    if not body.strip():
        return Wanted()
    try:
        return _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidRequest(f"The body must be a JSON object, or empty: {error}", "body") from None
