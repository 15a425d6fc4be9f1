"""Pending uploads: uploads that are not files yet. Only the person who sent an upload can use it."""

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
from hallmarket.server.files.content_provider import make_download
from hallmarket.server.files.paths import UploadLocation, clean_file_name, parse_upload_id
from hallmarket.server.files.types import (
    CompleteUpload,
    Content,
    FileMetadata,
    WireUpload,
    file_metadata,
    read_content,
    wire_upload,
)
from hallmarket.server.principal import Principal

sql = load_queries(__package__)

LIFETIME_S = 24 * 3600


async def insert_pending_upload(
    tx: Connection, principal: Principal, location: UploadLocation, content: Content | None = None
) -> None:
    """Insert an upload that expires after LIFETIME_S. Its content may follow later."""
    blob = (None, None, None) if content is None else (content.blob_id, content.type, content.extension)
    await tx.execute(
        sql.create_upload,
        *(location.file_id, principal.person_id, principal.organization_id),
        *(location.bucket, location.path, location.file_name, *blob, LIFETIME_S),
    )


async def complete_upload(
    database: Database, signed_urls: SignedUrls, principal: Principal, base_url: str, request: CompleteUpload
) -> WireUpload:
    """Return an upload that has received its bytes, and rename it if requested. Raises NotFound."""
    file_id, path = _parse(request.upload_id)
    async with database.transaction() as tx:
        row = await _find(tx, principal, file_id)
        if row is None or row["path"] != path:
            raise upload_not_found()
        content = read_content(row)
        if request.file_name is not None:
            content = msgspec.structs.replace(content, file_name=clean_file_name(request.file_name))
            await tx.execute(sql.rename_upload, file_id, content.file_name)
    upload = wire_upload(file_id, row["bucket"], path, content)
    if request.download:
        url = signed_urls.sign(principal, base_url, "uploaded", file_id)
        upload = msgspec.structs.replace(upload, download_url=url)
    return upload


async def discard_upload(database: Database, principal: Principal, upload_id: str) -> None:
    """Delete an upload, with its bytes if it has received any. Raises NotFound."""
    file_id, path = _parse(upload_id)
    async with database.connection() as connection:
        if await connection.fetchval(sql.discard_upload, file_id, *principal.viewer, path) is None:
            raise upload_not_found()


async def find_upload_metadata(connection: Connection, principal: Principal, file_id: UUID) -> FileMetadata | None:
    """Return the metadata that a file made of an upload will have; None if the person has no such upload."""
    row = await _find(connection, principal, file_id)
    return None if row is None else file_metadata(file_id, row["bucket"], row["path"], read_content(row))


async def get_upload_download(database: Database, blobs: BlobStore, signed_urls: SignedUrls, token: str) -> Download:
    """Return the bytes of an upload by its signed URL. Raises NotFound, Unavailable."""
    grant = await signed_urls.resolve(token, "uploaded")
    async with database.connection() as connection:
        row = await _find(connection, grant.principal, grant.subject_id)
    if row is None:
        raise upload_not_found()
    return make_download(blobs, read_content(row))


async def take_upload(
    tx: Connection, principal: Principal, file_id: UUID, path: str | None = None
) -> tuple[str, Content]:
    """Delete an upload because `tx` makes a file of it, and return its path and content. Raises NotFound."""
    row = await tx.fetchrow(sql.take_upload, file_id, *principal.viewer)
    if row is None or path not in (None, row["path"]):
        raise upload_not_found()
    await retain_released_blob(tx, row["blob_id"])
    return row["path"], read_content(row)


def upload_not_found() -> NotFound:
    """The error for an upload that does not exist, has no bytes yet, or belongs to another person."""
    return NotFound("There is no such upload, or it has not received any bytes yet.")


async def _find(connection: Connection, principal: Principal, file_id: UUID) -> asyncpg.Record | None:
    return await connection.fetchrow(sql.find_upload, file_id, *principal.viewer)


def _parse(upload_id: str) -> tuple[UUID, str]:
    parsed = parse_upload_id(upload_id)
    if parsed is None:
        raise upload_not_found()
    return parsed
