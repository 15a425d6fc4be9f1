"""`/files` and `/uploads`: HTTP only."""

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
from hallmarket.server.files.get import get_metadata, make_url
from hallmarket.server.files.pending_uploads import complete_upload, discard_upload, find_uploaded
from hallmarket.server.files.types import (
    Arrived,
    ChangedFile,
    Completion,
    Described,
    Discard,
    FileUrl,
    NewFile,
    UploadUrl,
    UploadWanted,
    WireUpload,
)
from hallmarket.server.files.update import replace_content, update_file
from hallmarket.server.files.upload import make_upload_url, take_bytes, upload_inline
from hallmarket.server.http.body import spool_body, unpacked
from hallmarket.server.http.examples import ID
from hallmarket.server.http.exchange import Data, read_id
from hallmarket.server.http.paging import read_query
from hallmarket.server.http.request_context import principal_of, request_context

AnyRequest = Request[Any, Any, Any]
READ, WRITE = {"scope": "assets:read"}, {"scope": "assets:write"}
FILE = "/files/{file_id:str}"
UPLOAD_ID = f"files/{ID}/tide.csv"
INLINE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "file_name": {"type": "string", "maxLength": 1024},
        "file_base64": {"type": "string", "contentEncoding": "base64", "description": "The file's bytes."},
        "content_type": {"type": ["string", "null"], "maxLength": 255, "description": "Looked up in the bytes."},
        "visibility": {
            "enum": ["public", "private", "organization", "monetized", "inherit", None],
            "description": "Which the file shall have; it gets the one it is created with.",
        },
    },
    "required": ["file_name", "file_base64"],
    "examples": [{"file_name": "tide.csv", "file_base64": "aG91cixtZXRyZXMKMCwzLjEK"}],
}
REPLACEMENT: dict[str, Any] = INLINE | {
    "properties": {
        **{name: told for name, told in INLINE["properties"].items() if name != "visibility"},
        "file": {"type": "object", "description": "What else is to change, as in `PUT /files/{id}`."},
    }
}
BYTES: dict[str, Any] = {
    "raises": (NotFound,),
    "body": {"application/octet-stream": {"type": "string", "format": "binary", "examples": ["hour,metres"]}},
}


def files_routes(
    database: Database, blobs: BlobStore, signed_urls: SignedUrls, scratch: Path, max_bytes: int
) -> Sequence[HTTPRouteHandler]:
    """The routes of files, of at most `max_bytes` each; `scratch` is where large bodies are kept meanwhile."""
    return [
        *_upload_routes(database, blobs, signed_urls, scratch),
        *_signed_routes(database, blobs, signed_urls, max_bytes),
        *_reading_routes(database, signed_urls),
        *_changing_routes(database, blobs, scratch),
    ]


def _upload_routes(
    database: Database, blobs: BlobStore, signed_urls: SignedUrls, scratch: Path
) -> Sequence[HTTPRouteHandler]:
    @post(
        "/files/upload",
        opt=WRITE | {"body": {"application/json": INLINE}},
        status_code=200,
        summary="Send a file's bytes inside JSON",
    )
    async def upload(request: AnyRequest) -> Data[WireUpload]:
        context = request_context(request.scope)
        spool = await spool_body(context, MAX_BODY_BYTES, scratch)
        return Data(await upload_inline(database, blobs, context.principal, spool))

    @post(
        "/files/upload-url",
        opt=WRITE | {"example": {"file_name": "tide.csv"}},
        status_code=200,
        summary="Ask for an address to send a file's bytes to",
    )
    async def upload_url(request: AnyRequest, data: JSONBody[UploadWanted]) -> Data[UploadUrl]:
        context = request_context(request.scope)
        return Data(await make_upload_url(database, signed_urls, context.principal, context.base_url, data))

    @post(
        "/files/upload/complete",
        opt=WRITE | {"raises": (NotFound,), "example": {"upload_id": UPLOAD_ID}},
        status_code=200,
        summary="What was sent to an upload's address",
    )
    async def complete(request: AnyRequest, data: JSONBody[Completion]) -> Data[WireUpload]:
        context = request_context(request.scope)
        return Data(await complete_upload(database, signed_urls, context.principal, context.base_url, data))

    @delete(
        "/files/upload",
        opt=WRITE | {"raises": (NotFound,), "example": {"upload_id": UPLOAD_ID}},
        status_code=200,
        summary="Discard an upload",
    )
    async def discard(request: AnyRequest, data: JSONBody[Discard]) -> Data[None]:
        await discard_upload(database, principal_of(request.scope), data.upload_id)
        return Data(None)

    return [upload, upload_url, complete, discard]


def _signed_routes(
    database: Database, blobs: BlobStore, signed_urls: SignedUrls, max_bytes: int
) -> Sequence[HTTPRouteHandler]:
    @put("/uploads/{token:str}", opt=BYTES, summary="Send a file's bytes to an upload's address")
    async def send(request: AnyRequest, token: FromPath[str]) -> Data[Arrived]:
        return Data(
            await take_bytes(database, blobs, signed_urls, token, unpacked(request_context(request.scope)), max_bytes)
        )

    @get(
        "/uploads/{token:str}", opt=SIGNED_DOWNLOAD, summary="Read an upload's bytes again", responses=PARTIAL_RESPONSES
    )
    async def read(request: AnyRequest, token: FromPath[str]) -> Response[bytes]:
        return await send_part(request_context(request.scope), await find_uploaded(database, blobs, signed_urls, token))

    return [send, read]


def _reading_routes(database: Database, signed_urls: SignedUrls) -> Sequence[HTTPRouteHandler]:
    @get(FILE, opt=READ, summary="One file, without its bytes")
    async def get_one(request: AnyRequest, file_id: FromPath[str]) -> Data[WireAsset]:
        wanted = _file(file_id)
        async with database.connection() as connection:
            return Data(await get_asset(connection, principal_of(request.scope), wanted, "file"))

    @get(FILE + "/metadata", opt=READ, summary="What a file's bytes are, also before it is one")
    async def metadata(request: AnyRequest, file_id: FromPath[str]) -> Data[Described]:
        wanted = _file(file_id)
        async with database.connection() as connection:
            return Data(await get_metadata(connection, principal_of(request.scope), wanted))

    @get(FILE + "/data", opt=READ | {"raises": (Locked,)}, summary="An address of a file's bytes, for an hour")
    async def data_url(request: AnyRequest, file_id: FromPath[str]) -> Data[FileUrl]:
        context = request_context(request.scope)
        return Data(await make_url(database, signed_urls, context.principal, context.base_url, _file(file_id)))

    return [get_one, metadata, data_url]


def _changing_routes(database: Database, blobs: BlobStore, scratch: Path) -> Sequence[HTTPRouteHandler]:
    @post(
        "/files/create",
        opt=WRITE
        | {"raises": (NotFound, Locked), "example": {"file": {"id": ID, "name": "The tide", "visibility": "private"}}},
        status_code=200,
        summary="Make a file of an upload",
    )
    async def create(request: AnyRequest, data: JSONBody[NewFile]) -> Data[WireAsset]:
        return Data(await create_file(database, principal_of(request.scope), data.file))

    @put(
        FILE,
        opt=WRITE | {"raises": (Conflict,), "example": {"file": {"name": "The tide"}}},
        summary="Change a file",
    )
    async def change(request: AnyRequest, file_id: FromPath[str], data: JSONBody[ChangedFile]) -> Data[WireAsset]:
        return Data(await update_file(database, principal_of(request.scope), _file(file_id), data.file))

    @put(
        FILE + "/content",
        opt=WRITE | {"raises": (Conflict,), "body": {"application/json": REPLACEMENT}},
        summary="Give a file other bytes, inside JSON",
    )
    async def replace(request: AnyRequest, file_id: FromPath[str]) -> Data[WireAsset]:
        context, wanted = request_context(request.scope), _file(file_id)
        spool = await spool_body(context, MAX_BODY_BYTES, scratch)
        return Data(await replace_content(database, blobs, context.principal, wanted, spool))

    @delete(
        FILE,
        opt=WRITE | {"query": DELETE_QUERY, "raises": (Conflict,)},
        status_code=200,
        summary="Delete a file and what was said of it",
    )
    async def remove(request: AnyRequest, file_id: FromPath[str]) -> Data[DeleteResult]:
        context = request_context(request.scope)
        options = read_delete_options(read_query(context.scope["query_string"]))
        return Data(await delete_asset(database, context.principal, _file(file_id), options, "file"))

    return [create, change, replace, remove]


def _file(text: str) -> UUID:
    return read_id(text, "file_id")
