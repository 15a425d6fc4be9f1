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
from hallmarket.server.http.paging import Page, read_page, read_query
from hallmarket.server.http.request_context import RequestContext, request_context
from hallmarket.server.http.responses import as_response
from hallmarket.server.media.batch import MAX_BYTES, anchor_batch, check_batch
from hallmarket.server.media.fast_routes import ANCHOR_PATH, LOOKUP_PATH, FastPath
from hallmarket.server.media.list import get_media, list_media, read_filters
from hallmarket.server.media.openapi import ANCHOR, ANCHORED, BATCH, FOUND, LIST, LOOK_UP, NDJSON, PROVE, PROVED
from hallmarket.server.media.prove import prove_media
from hallmarket.server.media.types import WireItem, read_hash

AnyRequest = Request[Any, Any, Any]
BATCH_CONTENT_TYPES = (b"application/x-ndjson", b"application/ndjson", b"application/jsonl")
FINAL = {
    "cache-control": "public, max-age=31536000, immutable",
    "access-control-allow-origin": "*",
    "vary": "accept",
}


def media_routes(database: Database, quick: FastPath, scratch: Path, thumbnails: str) -> Sequence[HTTPRouteHandler]:
    """The routes of media; `scratch` is the folder large requests are kept in while they are worked on.

    `thumbnails` is the address of the server or CDN that thumbnails are served at.
    """

    @get("/v1/media", opt=LIST, summary="List your organization's media, newest first")
    async def list_items(request: AnyRequest) -> Page[WireItem]:
        context = request_context(request.scope)
        query = read_query(context.scope["query_string"])
        return await list_media(database, context.principal, read_filters(query), read_page(query), thumbnails)

    @get("/v1/media/{media_id:str}", opt={"scope": "media:read"}, summary="One media item")
    async def get_item(request: AnyRequest, media_id: FromPath[str]) -> WireItem:
        context = request_context(request.scope)
        return await get_media(database, context.principal, media_id, thumbnails)

    @post(ANCHOR_PATH, opt=ANCHOR, summary="Anchor one item", responses=ANCHORED)
    async def anchor(request: AnyRequest) -> Response[bytes]:
        return as_response(await quick.anchor(request_context(request.scope)))

    @post("/v1/media/anchor/batch", opt=BATCH, status_code=200, summary="Anchor many items, NDJSON in and out")
    async def batch(request: AnyRequest) -> Stream:
        context = request_context(request.scope)
        answers = anchor_batch(database, context.principal, await _receive_batch(context, scratch))
        # The first answers are waited for here: if there are none, the whole request is refused in its own form.
        first = await anext(answers, b"")

        async def stream() -> AsyncIterator[bytes]:
            yield first
            async for piece in answers:
                yield piece

        return Stream(stream(), media_type=NDJSON)

    @get(
        LOOKUP_PATH + "{media_hash:str}",
        opt=LOOK_UP,
        summary="Look up a file by its fingerprint; no key needed",
        responses=FOUND,
    )
    async def look_up(request: AnyRequest, media_hash: FromPath[str]) -> Response[bytes]:  # noqa: ARG001 (the context has it)
        return as_response(await quick.look_up(request_context(request.scope)))

    @get(
        LOOKUP_PATH + "{media_hash:str}/proof",
        opt=PROVE,
        summary="The proof that a file is anchored; no key needed",
        responses=PROVED,
    )
    async def proof(request: AnyRequest, media_hash: FromPath[str]) -> Response[bytes]:
        bundle = await prove_media(database, read_hash(media_hash))
        if _prefers_text(request.headers.get("accept", "")):
            return Response(bundle.proof.encode(), media_type="text/plain", headers=FINAL)
        return Response(bundle.encode(), media_type=MediaType.JSON, headers=FINAL)

    return [list_items, get_item, anchor, batch, look_up, proof]


def _prefers_text(accept: str) -> bool:
    kinds = [part.split(";")[0].strip().lower() for part in accept.split(",")]
    return "text/plain" in kinds and "application/json" not in kinds


async def _receive_batch(context: RequestContext, scratch: Path) -> IO[bytes]:
    """Spool a whole batch and check its size before any line is accepted. Raises InvalidRequest, PayloadTooLarge."""
    content_type = context.headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    if content_type not in BATCH_CONTENT_TYPES:
        raise InvalidRequest("Content-Type must be application/x-ndjson.", "content-type")
    spool = await spool_body(context, MAX_BYTES, scratch)
    check_batch(spool)
    return spool
