"""Upload a file's bytes to a signed URL. The upload waits to be made into a file."""

from collections.abc import AsyncIterator

from hallmarket.server.blobs.blob_store import BlobStore
from hallmarket.server.blobs.retain import retain_blob
from hallmarket.server.catalog.signed_urls import LIFETIME_S, SignedUrls, UrlGrant
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import NotFound
from hallmarket.server.files.paths import new_location
from hallmarket.server.files.pending_uploads import insert_pending_upload
from hallmarket.server.files.sniff import media_type_of_name
from hallmarket.server.files.store_content import store_content
from hallmarket.server.files.types import ReceivedUpload, UploadRequest, UploadUrl
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


async def create_upload_url(
    database: Database, signed_urls: SignedUrls, principal: Principal, base_url: str, request: UploadRequest
) -> UploadUrl:
    """Return a URL to which anyone who has it can upload a file's bytes, for LIFETIME_S. Raises Unavailable."""
    location = new_location(request.file_name, request.visibility)
    async with database.transaction() as tx:
        await insert_pending_upload(tx, principal, location)
    media_type = request.content_type or media_type_of_name(location.file_name)
    return UploadUrl(
        upload_id=location.upload_id,
        upload_url=signed_urls.sign(principal, base_url, "upload", location.file_id),
        method="PUT",
        headers={"content-type": media_type},
        expires_in=LIFETIME_S,
        bucket=location.bucket,
        path=location.path,
        mime_type=media_type,
    )


async def receive_upload(
    database: Database,
    blobs: BlobStore,
    signed_urls: SignedUrls,
    token: str,
    body: AsyncIterator[bytes],
    max_bytes: int,
) -> ReceivedUpload:
    """Store the bytes sent to an upload URL. A second body replaces the first.

    Raises NotFound, PayloadTooLarge, Unavailable; then nothing of this body is stored, and an earlier body stays.
    """
    grant = await signed_urls.resolve(token, "upload")
    async with database.connection() as connection:
        file_name = await _lock_upload(connection, grant)
    blob, content = await store_content(blobs, grant.principal.organization_id, file_name, body, max_bytes)
    try:
        async with database.transaction() as tx:
            await _lock_upload(tx, grant)
            await retain_blob(tx, blob)
            await tx.execute(sql.fill_upload, grant.subject_id, blob.id, content.type, content.extension)
    except BaseException:
        await blobs.discard(blob.id)
        raise
    return ReceivedUpload(blob.size_bytes, blob.sha3_512.hex())


async def _lock_upload(connection: Connection, grant: UrlGrant) -> str:
    """Lock an upload that can still receive bytes, and return its file name. Raises NotFound."""
    file_name = await connection.fetchval(sql.lock_upload, grant.subject_id, grant.principal.person_id)
    if file_name is None:
        raise NotFound("This upload was discarded, has expired, or is a file already. Request another upload URL.")
    return str(file_name)
