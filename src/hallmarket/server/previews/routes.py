"""`/v1/public/thumbnails`: HTTP only."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from hallmarket.server.blobs.blob_store import BlobStore
from hallmarket.server.database.connections import Database
from hallmarket.server.http.openapi_parts import answer
from hallmarket.server.http.reply import unless_known
from hallmarket.server.http.request_context import request_context
from hallmarket.server.http.responses import as_response
from hallmarket.server.previews.make import CONTENT_TYPE
from hallmarket.server.previews.request import THUMBNAIL_PATH
from hallmarket.server.previews.serve import get_thumbnail

PICTURE: dict[str, Any] = {
    "answer": {CONTENT_TYPE: {"type": "string", "format": "binary", "examples": ["…"]}},
}
UNCHANGED = {304: answer(None, "The one you have, by its `ETag` in `If-None-Match`.")}


def preview_routes(database: Database, blobs: BlobStore, scratch: Path) -> Sequence[HTTPRouteHandler]:
    """The route of thumbnails; `scratch` is where those in a cloud are copied to on their way."""

    @get(
        THUMBNAIL_PATH + "{thumbnail_id:str}",
        opt=PICTURE,
        summary="A thumbnail; no key needed",
        responses=UNCHANGED,
    )
    async def thumbnail(request: Request[Any, Any, Any], thumbnail_id: FromPath[str]) -> Response[bytes]:
        reply = await get_thumbnail(database, blobs, scratch, thumbnail_id)
        return as_response(unless_known(reply, request_context(request.scope).headers.get(b"if-none-match")))

    return [thumbnail]
