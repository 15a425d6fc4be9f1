"""`POST /v1/media`: HTTP only."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler

from hallmarket.server.blobs.blob_store import BlobStore
from hallmarket.server.database.connections import Database
from hallmarket.server.http.body import decompressed_chunks
from hallmarket.server.http.idempotency_key import find_idempotency_key
from hallmarket.server.http.litestar_response import to_litestar_response
from hallmarket.server.http.request_context import request_context
from hallmarket.server.http.upload_form import UploadForm
from hallmarket.server.media.openapi import UPLOAD, UPLOADED
from hallmarket.server.media.upload import created_reply, upload


def upload_routes(database: Database, blobs: BlobStore, max_bytes: int, thumbnails: str) -> Sequence[HTTPRouteHandler]:
    """Return the upload route. An upload has at most `max_bytes`; `thumbnails` is the base URL of thumbnails."""

    @post("/v1/media", opt=UPLOAD, summary="Upload a file: store, fingerprint and anchor it", responses=UPLOADED)
    async def upload_item(request: Request[Any, Any, Any]) -> Response[bytes]:
        context = request_context(request.scope)
        key = find_idempotency_key(context)
        form = UploadForm(context.headers.get(b"content-type", b""), decompressed_chunks(context), max_bytes)
        item = await upload(database, blobs, context.principal, form, thumbnails, idempotency_key=key)
        return to_litestar_response(created_reply(item))

    return [upload_item]
