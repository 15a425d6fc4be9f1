"""Send bytes that shall become a file: in a JSON body, or to an address of their own."""

from collections.abc import AsyncIterator
from typing import IO
from uuid import UUID

from hallmarket.server.blobs.blob_store import BlobStore
from hallmarket.server.blobs.retain import retain_blob
from hallmarket.server.catalog.signed_urls import LIFETIME_S, SignedUrls
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import NotFound
from hallmarket.server.files.base64_body import read_inline
from hallmarket.server.files.paths import bucket_of, clean_file_name, path_of
from hallmarket.server.files.sniff import type_of
from hallmarket.server.files.store_content import bounded, receive
from hallmarket.server.files.types import Arrived, Content, UploadUrl, UploadWanted, WireUpload
from hallmarket.server.principal import Principal

sql = load_queries(__package__)

WAITS_S = 24 * 3600  # for somebody to make a file of it


async def upload_inline(database: Database, blobs: BlobStore, principal: Principal, spool: IO[bytes]) -> WireUpload:
    """Take a file out of a JSON body. Raises InvalidRequest, PayloadTooLarge, Unavailable; then nothing is kept."""
    async with read_inline(spool) as body:
        name = clean_file_name(body.file_name)
        received, content = await receive(blobs, principal.organization_id, name, body.pieces)
        try:
            async with database.transaction() as tx:
                await retain_blob(tx, received)
                file_id, bucket, path = await _create(tx, principal, name, body.visibility, content)
        except BaseException:
            await blobs.discard(received.id)
            raise
    return wire_upload(file_id, bucket, path, content)


async def make_upload_url(
    database: Database, signed_urls: SignedUrls, principal: Principal, base_url: str, wanted: UploadWanted
) -> UploadUrl:
    """An address that bytes may be sent to for LIFETIME_S, by whoever has it. Raises Unavailable."""
    name = clean_file_name(wanted.file_name)
    async with database.transaction() as tx:
        file_id, bucket, path = await _create(tx, principal, name, wanted.visibility, None)
    kind = wanted.content_type or type_of(name)
    return UploadUrl(
        upload_id=f"{bucket}/{path}",
        upload_url=signed_urls.sign(principal, base_url, "upload", file_id),
        method="PUT",
        headers={"content-type": kind},
        expires_in=LIFETIME_S,
        bucket=bucket,
        path=path,
        mime_type=kind,
    )


async def take_bytes(
    database: Database,
    blobs: BlobStore,
    signed_urls: SignedUrls,
    token: str,
    body: AsyncIterator[bytes],
    max_bytes: int,
) -> Arrived:
    """Take what is sent to an upload's address; it comes in place of what came there before.

    Raises NotFound, PayloadTooLarge, Unavailable; then nothing is kept, and what came before stays.
    """
    grant = await signed_urls.resolve(token, "upload")
    principal, file_id = grant.principal, grant.subject_id
    async with database.connection() as connection:
        name = await _find_waiting(connection, file_id, principal.person_id)
    pieces = bounded(body, max_bytes)
    received, content = await receive(blobs, principal.organization_id, name, pieces)
    try:
        async with database.transaction() as tx:
            await _find_waiting(tx, file_id, principal.person_id)
            await retain_blob(tx, received)
            await tx.execute(sql.fill_upload, file_id, received.id, content.type, content.extension)
    except BaseException:
        await blobs.discard(received.id)
        raise
    return Arrived(received.size_bytes, received.sha3_512.hex())


def wire_upload(file_id: UUID, bucket: str, path: str, content: Content) -> WireUpload:
    """An upload whose bytes are there."""
    return WireUpload(
        id=file_id,
        upload_id=f"{bucket}/{path}",
        bucket=bucket,
        path=path,
        file_name=content.file_name,
        mime_type=content.type,
        size=content.size_bytes,
        sha3_512=content.sha3_512.hex(),
    )


async def _create(
    tx: Connection, principal: Principal, name: str, visibility: str | None, content: Content | None
) -> tuple[UUID, str, str]:
    file_id, bucket = new_id(), bucket_of(visibility)
    path = path_of(file_id, name)
    what = (None, None, None) if content is None else (content.blob_id, content.type, content.extension)
    await tx.execute(
        sql.create_upload,
        *(file_id, principal.person_id, principal.organization_id, bucket, path, name, *what, WAITS_S),
    )
    return file_id, bucket, path


async def _find_waiting(connection: Connection, file_id: UUID, person_id: UUID) -> str:
    name = await connection.fetchval(sql.lock_upload, file_id, person_id)
    if name is None:
        raise NotFound("This upload is discarded, expired, or a file already. Ask for another address.")
    return str(name)
