"""`/v1/media` and `/v1/public/media`: HTTP only."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import IO, Any

from litestar import MediaType, Request, Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from litestar.response import Stream

from hallmarket.server.database.connections import Database
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.body import spool_body
from hallmarket.server.http.litestar_response import to_litestar_response
from hallmarket.server.http.media_dialect import Page, read_page
from hallmarket.server.http.parameters import parse_query
from hallmarket.server.http.request_context import RequestContext, request_context
from hallmarket.server.media.anchor_batch import MAX_BATCH_BYTES, anchor_batch, verify_line_count
from hallmarket.server.media.fast_routes import ANCHOR_PATH, LOOKUP_PATH, FastRoutes
from hallmarket.server.media.get import get_media
from hallmarket.server.media.list import list_media, read_filter
from hallmarket.server.media.openapi import ANCHOR, ANCHORED, BATCH, FOUND, LIST, LOOK_UP, NDJSON, PROVE, PROVED
from hallmarket.server.media.prove import prove_media
from hallmarket.server.media.types import WireItem, read_hash

AnyRequest = Request[Any, Any, Any]
BATCH_CONTENT_TYPES = (b"application/x-ndjson", b"application/ndjson", b"application/jsonl")
FINAL_HEADERS = {
    "cache-control": "public, max-age=31536000, immutable",
    "access-control-allow-origin": "*",
    "vary": "accept",
}


def media_routes(database: Database, fast: FastRoutes, scratch: Path, thumbnails: str) -> Sequence[HTTPRouteHandler]:
    """Return the routes of media, except uploads.

    `scratch` is the folder for large request bodies, `thumbnails` the base URL of thumbnails.
    """

    @get("/v1/media", opt=LIST, summary="List your organization's media, newest first")
    async def list_items(request: AnyRequest) -> Page[WireItem]:
        context = request_context(request.scope)
        query = parse_query(context.scope["query_string"])
        return await list_media(database, context.principal, read_filter(query), read_page(query), thumbnails)

    @get("/v1/media/{media_id:str}", opt={"scope": "media:read"}, summary="Get a media item")
    async def get_item(request: AnyRequest, media_id: FromPath[str]) -> WireItem:
        context = request_context(request.scope)
        return await get_media(database, context.principal, media_id, thumbnails)

    @post(ANCHOR_PATH, opt=ANCHOR, summary="Anchor a file", responses=ANCHORED)
    async def anchor(request: AnyRequest) -> Response[bytes]:
        return to_litestar_response(await fast.anchor(request_context(request.scope)))

    @post("/v1/media/anchor/batch", opt=BATCH, status_code=200, summary="Anchor many files, with NDJSON in and out")
    async def batch(request: AnyRequest) -> Stream:
        context = request_context(request.scope)
        results = anchor_batch(database, context.principal, await _receive_batch(context, scratch))
        # Wait for the first chunk before the response begins: an error up to here has a response of its own.
        first = await anext(results, b"")

        async def stream() -> AsyncIterator[bytes]:
            yield first
            async for chunk in results:
                yield chunk

        return Stream(stream(), media_type=NDJSON)

    @get(
        LOOKUP_PATH + "{media_hash:str}",
        opt=LOOK_UP,
        summary="Look up a file by its fingerprint, without an API key",
        responses=FOUND,
    )
    async def look_up(request: AnyRequest, media_hash: FromPath[str]) -> Response[bytes]:  # noqa: ARG001 (the handler reads it from the path)
        return to_litestar_response(await fast.look_up(request_context(request.scope)))

    @get(
        LOOKUP_PATH + "{media_hash:str}/proof",
        opt=PROVE,
        summary="Get the proof that a file is anchored, without an API key",
        responses=PROVED,
    )
    async def proof(request: AnyRequest, media_hash: FromPath[str]) -> Response[bytes]:
        bundle = await prove_media(database, read_hash(media_hash))
        if _prefers_text(request.headers.get("accept", "")):
            return Response(bundle.proof.encode(), media_type="text/plain", headers=FINAL_HEADERS)
        return Response(bundle.encode(), media_type=MediaType.JSON, headers=FINAL_HEADERS)

    return [list_items, get_item, anchor, batch, look_up, proof]


def _prefers_text(accept: str) -> bool:
    types = [part.split(";")[0].strip().lower() for part in accept.split(",")]
    return "text/plain" in types and "application/json" not in types


async def _receive_batch(context: RequestContext, scratch: Path) -> IO[bytes]:
    """Spool a whole batch, and verify its size before any line is accepted. Raises InvalidRequest, PayloadTooLarge."""
    content_type = context.headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    if content_type not in BATCH_CONTENT_TYPES:
        raise InvalidRequest("Content-Type must be application/x-ndjson.", "content-type")
    spool = await spool_body(context, MAX_BATCH_BYTES, scratch)
    verify_line_count(spool)
    return spool
