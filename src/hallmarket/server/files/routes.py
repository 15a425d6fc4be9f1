"""HTTP routes of files and uploads."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any
from uuid import UUID

from litestar import Request, Response, delete, get, post, put
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath, JSONBody

from hallmarket.server.blobs.blob_store import BlobStore
from hallmarket.server.catalog.delete import DELETE_QUERY, delete_asset, read_delete_options
from hallmarket.server.catalog.download_routes import PARTIAL_RESPONSES, SIGNED_DOWNLOAD, send_part
from hallmarket.server.catalog.get import get_asset
from hallmarket.server.catalog.signed_urls import SignedUrls
from hallmarket.server.catalog.types import DeleteResult, WireAsset
from hallmarket.server.database.connections import Database
from hallmarket.server.errors import Conflict, Locked, NotFound
from hallmarket.server.files.base64_body import MAX_BODY_BYTES
from hallmarket.server.files.create import create_file
from hallmarket.server.files.get import create_file_url, get_metadata
from hallmarket.server.files.pending_uploads import complete_upload, discard_upload, get_upload_download
from hallmarket.server.files.replace_content import replace_content
from hallmarket.server.files.types import (
    CompleteUpload,
    DiscardUpload,
    FileDescription,
    FileUrl,
    NewFile,
    ReceivedUpload,
    UpdateFile,
    UploadRequest,
    UploadUrl,
    WireUpload,
)
from hallmarket.server.files.update import update_file
from hallmarket.server.files.upload_json import upload_json
from hallmarket.server.files.upload_url import create_upload_url, receive_upload
from hallmarket.server.http.body import decompressed_chunks, spool_body
from hallmarket.server.http.exchange_dialect import Data
from hallmarket.server.http.openapi_examples import ID
from hallmarket.server.http.parameters import parse_query, read_id
from hallmarket.server.http.request_context import principal_of, request_context

AnyRequest = Request[Any, Any, Any]
READ, WRITE = {"scope": "assets:read"}, {"scope": "assets:write"}
FILE = "/files/{file_id:str}"
UPLOAD_ID = f"files/{ID}/tide.csv"
BASE64_BODY: dict[str, Any] = {
    "type": "object",
    "properties": {
        "file_name": {"type": "string", "maxLength": 1024},
        "file_base64": {"type": "string", "contentEncoding": "base64", "description": "The file's bytes."},
        "content_type": {
            "type": ["string", "null"],
            "maxLength": 255,
            "description": "Ignored: the server detects it.",
        },
        "visibility": {
            "enum": ["public", "private", "organization", "monetized", "inherit", None],
            "description": "The intended visibility. The request that creates the file sets it.",
        },
    },
    "required": ["file_name", "file_base64"],
    "examples": [{"file_name": "tide.csv", "file_base64": "aG91cixtZXRyZXMKMCwzLjEK"}],
}
REPLACEMENT: dict[str, Any] = BASE64_BODY | {
    "properties": {
        **{name: schema for name, schema in BASE64_BODY["properties"].items() if name != "visibility"},
        "file": {"type": "object", "description": "Other fields to update, as in `PUT /files/{id}`."},
    }
}
BYTES: dict[str, Any] = {
    "raises": (NotFound,),
    "body": {"application/octet-stream": {"type": "string", "format": "binary", "examples": ["hour,metres"]}},
}


def files_routes(
    database: Database, blobs: BlobStore, signed_urls: SignedUrls, scratch: Path, max_bytes: int
) -> Sequence[HTTPRouteHandler]:
    """Return the routes of files of at most `max_bytes`. `scratch` is the folder for large request bodies."""
    return [
        *_upload_routes(database, blobs, signed_urls, scratch),
        *_signed_routes(database, blobs, signed_urls, max_bytes),
        *_reading_routes(database, signed_urls),
        *_writing_routes(database, blobs, scratch),
    ]


def _upload_routes(
    database: Database, blobs: BlobStore, signed_urls: SignedUrls, scratch: Path
) -> Sequence[HTTPRouteHandler]:
    @post(
        "/files/upload",
        opt=WRITE | {"body": {"application/json": BASE64_BODY}},
        status_code=200,
        summary="Upload a file in a JSON body",
    )
    async def upload(request: AnyRequest) -> Data[WireUpload]:
        context = request_context(request.scope)
        spool = await spool_body(context, MAX_BODY_BYTES, scratch)
        return Data(await upload_json(database, blobs, context.principal, spool))

    @post(
        "/files/upload-url",
        opt=WRITE | {"example": {"file_name": "tide.csv"}},
        status_code=200,
        summary="Create a URL to upload a file to",
    )
    async def upload_url(request: AnyRequest, data: JSONBody[UploadRequest]) -> Data[UploadUrl]:
        context = request_context(request.scope)
        return Data(await create_upload_url(database, signed_urls, context.principal, context.base_url, data))

    @post(
        "/files/upload/complete",
        opt=WRITE | {"raises": (NotFound,), "example": {"upload_id": UPLOAD_ID}},
        status_code=200,
        summary="Get the upload that a URL received",
    )
    async def complete(request: AnyRequest, data: JSONBody[CompleteUpload]) -> Data[WireUpload]:
        context = request_context(request.scope)
        return Data(await complete_upload(database, signed_urls, context.principal, context.base_url, data))

    @delete(
        "/files/upload",
        opt=WRITE | {"raises": (NotFound,), "example": {"upload_id": UPLOAD_ID}},
        status_code=200,
        summary="Discard an upload",
    )
    async def discard(request: AnyRequest, data: JSONBody[DiscardUpload]) -> Data[None]:
        await discard_upload(database, principal_of(request.scope), data.upload_id)
        return Data(None)

    return [upload, upload_url, complete, discard]


def _signed_routes(
    database: Database, blobs: BlobStore, signed_urls: SignedUrls, max_bytes: int
) -> Sequence[HTTPRouteHandler]:
    @put("/uploads/{token:str}", opt=BYTES, summary="Upload a file's bytes to a signed URL")
    async def send(request: AnyRequest, token: FromPath[str]) -> Data[ReceivedUpload]:
        return Data(
            await receive_upload(
                database, blobs, signed_urls, token, decompressed_chunks(request_context(request.scope)), max_bytes
            )
        )

    @get("/uploads/{token:str}", opt=SIGNED_DOWNLOAD, summary="Download an upload's bytes", responses=PARTIAL_RESPONSES)
    async def read(request: AnyRequest, token: FromPath[str]) -> Response[bytes]:
        return await send_part(
            request_context(request.scope), await get_upload_download(database, blobs, signed_urls, token)
        )

    return [send, read]


def _reading_routes(database: Database, signed_urls: SignedUrls) -> Sequence[HTTPRouteHandler]:
    @get(FILE, opt=READ, summary="Get a file without its bytes")
    async def get_one(request: AnyRequest, file_id: FromPath[str]) -> Data[WireAsset]:
        requested_id = _file(file_id)
        async with database.connection() as connection:
            return Data(await get_asset(connection, principal_of(request.scope), requested_id, "file"))

    @get(FILE + "/metadata", opt=READ, summary="Get the metadata of a file or an upload")
    async def metadata(request: AnyRequest, file_id: FromPath[str]) -> Data[FileDescription]:
        requested_id = _file(file_id)
        async with database.connection() as connection:
            return Data(await get_metadata(connection, principal_of(request.scope), requested_id))

    @get(
        FILE + "/data",
        opt=READ | {"raises": (Locked,)},
        summary="Create a URL that downloads a file without a token, for an hour",
    )
    async def data_url(request: AnyRequest, file_id: FromPath[str]) -> Data[FileUrl]:
        context = request_context(request.scope)
        return Data(await create_file_url(database, signed_urls, context.principal, context.base_url, _file(file_id)))

    return [get_one, metadata, data_url]


def _writing_routes(database: Database, blobs: BlobStore, scratch: Path) -> Sequence[HTTPRouteHandler]:
    @post(
        "/files/create",
        opt=WRITE
        | {"raises": (NotFound, Locked), "example": {"file": {"id": ID, "name": "The tide", "visibility": "private"}}},
        status_code=200,
        summary="Create a file from an upload",
    )
    async def create(request: AnyRequest, data: JSONBody[NewFile]) -> Data[WireAsset]:
        return Data(await create_file(database, principal_of(request.scope), data.file))

    @put(
        FILE,
        opt=WRITE | {"raises": (Conflict,), "example": {"file": {"name": "The tide"}}},
        summary="Update a file",
    )
    async def update(request: AnyRequest, file_id: FromPath[str], data: JSONBody[UpdateFile]) -> Data[WireAsset]:
        return Data(await update_file(database, principal_of(request.scope), _file(file_id), data.file))

    @put(
        FILE + "/content",
        opt=WRITE | {"raises": (Conflict,), "body": {"application/json": REPLACEMENT}},
        summary="Replace a file's bytes, in a JSON body",
    )
    async def replace(request: AnyRequest, file_id: FromPath[str]) -> Data[WireAsset]:
        context, requested_id = request_context(request.scope), _file(file_id)
        spool = await spool_body(context, MAX_BODY_BYTES, scratch)
        return Data(await replace_content(database, blobs, context.principal, requested_id, spool))

    @delete(
        FILE,
        opt=WRITE | {"query": DELETE_QUERY, "raises": (Conflict,)},
        status_code=200,
        summary="Delete a file and its comments",
    )
    async def remove(request: AnyRequest, file_id: FromPath[str]) -> Data[DeleteResult]:
        context = request_context(request.scope)
        options = read_delete_options(parse_query(context.scope["query_string"]))
        return Data(await delete_asset(database, context.principal, _file(file_id), options, "file"))

    return [create, update, replace, remove]


def _file(text: str) -> UUID:
    return read_id(text, "file_id")
