"""Replace the content of a file."""

from typing import IO
from uuid import UUID

from msgspec import UNSET

from hallmarket.server.audit.record import record
from hallmarket.server.blobs.blob_store import BlobStore
from hallmarket.server.blobs.retain import retain_blob
from hallmarket.server.catalog.access import get_access, lock_access
from hallmarket.server.catalog.description import check_description
from hallmarket.server.catalog.entitlements import require_no_buyers
from hallmarket.server.catalog.get import get_asset
from hallmarket.server.catalog.types import WRITE, Access, WireAsset
from hallmarket.server.catalog.update import set_asset_details, update_asset
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.files.base64_body import read_base64_body
from hallmarket.server.files.paths import clean_file_name
from hallmarket.server.files.publish_content import publish_content
from hallmarket.server.files.store_content import store_content
from hallmarket.server.files.types import Content, FileFields
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


async def replace_content(
    database: Database, blobs: BlobStore, principal: Principal, file_id: UUID, spool: IO[bytes]
) -> WireAsset:
    """Replace a file's content by the file in a JSON body, and update the fields that the body contains.

    Raises NotFound, Forbidden, InvalidRequest, PayloadTooLarge, Conflict if people bought the file, Unavailable; then
    nothing has changed.
    """
    async with database.connection() as connection:
        await get_access(connection, principal, file_id, WRITE, "file")
    async with read_base64_body(spool) as body:
        fields = await check_description(body.file or FileFields())
        require_same_id(fields, file_id)
        name = clean_file_name(body.file_name)
        blob, content = await store_content(blobs, principal.organization_id, name, body.chunks)
    try:
        async with database.transaction() as tx:
            access = await lock_access(tx, principal, file_id, WRITE, "file")
            if fields.updates_asset:
                await update_asset(tx, principal, access, fields)
            await retain_blob(tx, blob)
            await set_content(tx, principal, access, content)
            return await get_asset(tx, principal, file_id, "file")
    except BaseException:
        await blobs.discard(blob.id)
        raise


async def set_content(tx: Connection, principal: Principal, access: Access, content: Content) -> None:
    """Set a file's content to bytes that `tx` retains, and publish it. Raises Conflict if people bought the file."""
    # A licence commits to the bytes that were sold.
    await require_no_buyers(tx, access.id, "its content cannot be replaced", "create another file with the new bytes")
    await tx.execute(
        sql.replace_content, access.id, content.blob_id, content.file_name, content.type, content.extension
    )
    await set_asset_details(tx, access.id, preview=[])  # the old preview shows the old content
    await record(
        tx,
        principal,
        "file.replace",
        organization_id=access.organization_id,
        subject_id=access.id,
        sha3_512=content.sha3_512.hex(),
    )
    await publish_content(tx, principal, access.id)


def require_same_id(fields: FileFields, file_id: UUID) -> None:
    """Raises InvalidRequest if the fields contain the id of another file."""
    if fields.id not in (UNSET, file_id):
        raise InvalidRequest("id must be the id in the path, or left out.", "id")
