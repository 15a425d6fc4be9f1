"""Upload a file's bytes in a JSON body. The upload waits to be made into a file."""

from typing import IO

from hallmarket.server.blobs.blob_store import BlobStore
from hallmarket.server.blobs.retain import retain_blob
from hallmarket.server.database.connections import Database
from hallmarket.server.files.base64_body import read_base64_body
from hallmarket.server.files.paths import new_location
from hallmarket.server.files.pending_uploads import insert_pending_upload
from hallmarket.server.files.store_content import store_content
from hallmarket.server.files.types import WireUpload, wire_upload
from hallmarket.server.principal import Principal


async def upload_json(database: Database, blobs: BlobStore, principal: Principal, spool: IO[bytes]) -> WireUpload:
    """Store the file in a JSON body. Raises InvalidRequest, PayloadTooLarge, Unavailable; then nothing is stored."""
    async with read_base64_body(spool) as body:
        location = new_location(body.file_name, body.visibility)
        blob, content = await store_content(blobs, principal.organization_id, location.file_name, body.chunks)
    try:
        async with database.transaction() as tx:
            await retain_blob(tx, blob)
            await insert_pending_upload(tx, principal, location, content)
    except BaseException:
        await blobs.discard(blob.id)
        raise
    return wire_upload(location.file_id, location.bucket, location.path, content)
