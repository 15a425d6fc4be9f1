"""`POST /v1/media`: HTTP only."""

from collections.abc import Sequence
from typing import Any

from litestar import Request, Response, post
from litestar.handlers import HTTPRouteHandler

from hallmarket.server.blobs.blob_store import BlobStore
from hallmarket.server.database.connections import Database
from hallmarket.server.http.body import unpacked
from hallmarket.server.http.idempotency import find_idempotency_key
from hallmarket.server.http.request_context import request_context
from hallmarket.server.http.responses import as_response
from hallmarket.server.http.upload_form import UploadForm
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
        form = UploadForm(context.headers.get(b"content-type", b""), unpacked(context), max_bytes)
        key = find_idempotency_key(context)
        return as_response(await upload(database, blobs, context.principal, key, form, thumbnails))

    return [upload_item]
