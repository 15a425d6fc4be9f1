"""Uploads that wait to become files: look at one, discard it, take it. They are their senders' own."""

from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.blobs.blob_store import BlobStore
from hallmarket.server.blobs.retain import retain_released_blob
from hallmarket.server.catalog.content_provider import Download
from hallmarket.server.catalog.signed_urls import SignedUrls
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import NotFound
from hallmarket.server.files.paths import clean_file_name, split_upload_id
from hallmarket.server.files.types import Completion, Content, FileMetadata, WireUpload, metadata_of
from hallmarket.server.files.upload import wire_upload
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


async def complete_upload(
    database: Database, signed_urls: SignedUrls, principal: Principal, base_url: str, wanted: Completion
) -> WireUpload:
    """An upload whose bytes are there, under another name if one is given. Raises NotFound."""
    file_id, path = _read_id(wanted.upload_id)
    async with database.transaction() as tx:
        row = await _find(tx, principal, file_id)
        if row is None or row["path"] != path:
            raise no_upload()
        content = content_of(row)
        if wanted.file_name is not None:
            content = msgspec.structs.replace(content, file_name=clean_file_name(wanted.file_name))
            await tx.execute(sql.rename_upload, file_id, content.file_name)
    shown = wire_upload(file_id, row["bucket"], path, content)
    if wanted.download:
        shown = msgspec.structs.replace(shown, download_url=signed_urls.sign(principal, base_url, "uploaded", file_id))
    return shown


async def discard_upload(database: Database, principal: Principal, upload_id: str) -> None:
    """Forget an upload, whether or not bytes came, and let go of them. Raises NotFound."""
    file_id, path = _read_id(upload_id)
    async with database.connection() as connection:
        if await connection.fetchval(sql.discard_upload, file_id, *principal.viewer, path) is None:
            raise no_upload()


async def find_upload(connection: Connection, principal: Principal, file_id: UUID) -> FileMetadata | None:
    """What a file made of an upload will say of itself; None if the caller has no such upload."""
    row = await _find(connection, principal, file_id)
    return None if row is None else metadata_of(file_id, row["bucket"], row["path"], content_of(row))


async def find_uploaded(database: Database, blobs: BlobStore, signed_urls: SignedUrls, token: str) -> Download:
    """An upload's bytes, for whoever has its address. Raises NotFound."""
    grant = await signed_urls.resolve(token, "uploaded")
    principal, file_id = grant.principal, grant.subject_id
    async with database.connection() as connection:
        row = await _find(connection, principal, file_id)
    if row is None:
        raise no_upload()
    return download_of(blobs, content_of(row))


async def take_upload(
    tx: Connection, principal: Principal, file_id: UUID, path: str | None = None
) -> tuple[str, Content]:
    """An upload's path, and its bytes for what is made of them in `tx`; the upload itself is gone then.

    Raises NotFound for somebody else's, too.
    """
    row = await tx.fetchrow(sql.take_upload, file_id, *principal.viewer)
    if row is None or path not in (None, row["path"]):
        raise no_upload()
    await retain_released_blob(tx, row["blob_id"])
    return row["path"], content_of(row)


def content_of(row: asyncpg.Record) -> Content:
    """The content in a row of an upload or a file."""
    return Content(row["blob_id"], row["size"], row["sha3_512"], row["file_name"], row["type"], row["extension"])


def download_of(blobs: BlobStore, content: Content) -> Download:
    """Content that may be read in parts; its entity tag is its fingerprint."""
    end = content.size_bytes - 1
    return Download(
        file_name=content.file_name,
        content_type=content.type,
        read=lambda first, last: blobs.read(content.blob_id, first, end if last is None else last),
        size_bytes=content.size_bytes,
        etag=f'"{content.sha3_512.hex()}"',
    )


async def _find(connection: Connection, principal: Principal, file_id: UUID) -> asyncpg.Record | None:
    return await connection.fetchrow(sql.find_upload, file_id, *principal.viewer)


def _read_id(upload_id: str) -> tuple[UUID, str]:
    found = split_upload_id(upload_id)
    if found is None:
        raise no_upload()
    return found


def no_upload() -> NotFound:
    """What is said of uploads of others, too."""
    return NotFound("There is no such upload, or nothing was sent to it yet.")
