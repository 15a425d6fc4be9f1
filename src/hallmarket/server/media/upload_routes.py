"""`POST /v1/media`: HTTP only."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, post
from litestar.handlers import HTTPRouteHandler

from hallmarket.server.blobs.keep import Blobs
from hallmarket.server.database.pool import Database
from hallmarket.server.http.visit import visit_of
from hallmarket.server.media.list import get_media
from hallmarket.server.media.openapi import UPLOAD
from hallmarket.server.media.quick import get_asker
from hallmarket.server.media.types import WireItem
from hallmarket.server.media.upload import upload


def upload_routes(database: Database, blobs: Blobs, most_bytes: int, thumbnails: str) -> Sequence[HTTPRouteHandler]:
    """The route of uploads, of at most `most_bytes` each; thumbnails are served at `thumbnails`."""

    @post("/v1/media", opt=UPLOAD, summary="Upload a file; its bytes are fingerprinted, stored and anchored")
    async def upload_item(request: Request[Any, Any, Any]) -> WireItem:
        visit = visit_of(request.scope)
        item_id = await upload(database, blobs, get_asker(visit.caller), visit, most_bytes)
        return await get_media(database, visit.caller.organization_id, str(item_id), thumbnails)

    return [upload_item]
