"""`POST /v1/media`: HTTP only."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler

from hallmarket.server.blobs.blob_store import BlobStore
from hallmarket.server.database.connections import Database
from hallmarket.server.http.reply import as_response
from hallmarket.server.http.request_context import request_context
from hallmarket.server.media.fast_path import get_requester
from hallmarket.server.media.openapi import UPLOAD, UPLOADED
from hallmarket.server.media.upload import upload


def upload_routes(database: Database, blobs: BlobStore, max_bytes: int, thumbnails: str) -> Sequence[HTTPRouteHandler]:
    """The route of uploads, of at most `max_bytes` each; thumbnails are served at `thumbnails`."""

    @post(
        "/v1/media",
        opt=UPLOAD,
        summary="Upload a file; its bytes are fingerprinted, stored and anchored",
        responses=UPLOADED,
    )
    async def upload_item(request: Request[Any, Any, Any]) -> Response[bytes]:
        context = request_context(request.scope)
        return as_response(await upload(database, blobs, get_requester(context.caller), context, max_bytes, thumbnails))

    return [upload_item]
