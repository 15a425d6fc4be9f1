"""HTTP routes of `/v1/public/thumbnails`."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath

from hallmarket.server.blobs.blob_store import BlobStore
from hallmarket.server.database.connections import Database
from hallmarket.server.http.litestar_response import to_litestar_response
from hallmarket.server.http.openapi_components import response_spec
from hallmarket.server.http.reply import apply_if_none_match
from hallmarket.server.http.request_context import request_context
from hallmarket.server.previews.get_thumbnail import get_thumbnail
from hallmarket.server.previews.types import CONTENT_TYPE
from hallmarket.server.previews.urls import THUMBNAIL_PATH

THUMBNAIL: dict[str, Any] = {
    "success": {CONTENT_TYPE: {"type": "string", "format": "binary", "examples": ["…"]}},
}
UNCHANGED = {304: response_spec(None, "The thumbnail has not changed: its `ETag` is in `If-None-Match`.")}


def preview_routes(database: Database, blobs: BlobStore, scratch: Path) -> Sequence[HTTPRouteHandler]:
    """Make the route of thumbnails. One in a cloud is copied into `scratch` to be sent."""

    @get(
        THUMBNAIL_PATH + "{thumbnail_id:str}",
        opt=THUMBNAIL,
        summary="A thumbnail; no key needed",
        responses=UNCHANGED,
    )
    async def thumbnail(request: Request[Any, Any, Any], thumbnail_id: FromPath[str]) -> Response[bytes]:
        reply = await get_thumbnail(database, blobs, scratch, thumbnail_id)
        return to_litestar_response(
            apply_if_none_match(reply, request_context(request.scope).headers.get(b"if-none-match"))
        )

    return [thumbnail]
