"""Change a file: what is said of it, and its content, in place."""

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
from hallmarket.server.catalog.types import WRITE, Access, AssetFields, WireAsset
from hallmarket.server.catalog.update import set_asset_details, update_asset
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.files.base64_body import read_inline
from hallmarket.server.files.create import publish_content
from hallmarket.server.files.paths import clean_file_name, split_upload_id
from hallmarket.server.files.pending_uploads import no_upload, take_upload
from hallmarket.server.files.store_content import receive
from hallmarket.server.files.types import Content, FileFields
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


async def update_file(database: Database, principal: Principal, file_id: UUID, fields: FileFields) -> WireAsset:
    """Change what is said of a file, and its content if `metadata` names an upload of the caller's.

    Raises NotFound for the file or the upload, Forbidden, InvalidRequest, Conflict for other content, or another
    visibility, of what people bought; then nothing has changed.
    """
    fields = await check_description(fields)
    async with database.transaction() as tx:
        access = await _change(tx, principal, file_id, fields)
        content = await _find_new_content(tx, principal, file_id, fields)
        if content is not None:
            await _replace(tx, principal, access, content)
        await publish_content(tx, principal, file_id, is_new=content is not None)
        return await get_asset(tx, principal, file_id, "file")


async def replace_content(
    database: Database, blobs: BlobStore, principal: Principal, file_id: UUID, spool: IO[bytes]
) -> WireAsset:
    """Give a file the content in a JSON body, and change what is said of it if the body does.

    Raises as `update_file`, and PayloadTooLarge.
    """
    async with database.connection() as connection:
        await get_access(connection, principal, file_id, WRITE, "file")
    async with read_inline(spool) as body:
        fields = await check_description(body.file or FileFields())
        name = clean_file_name(body.file_name)
        received, content = await receive(blobs, principal.organization_id, name, body.pieces)
    try:
        async with database.transaction() as tx:
            access = await _change(tx, principal, file_id, fields)
            await retain_blob(tx, received)
            await _replace(tx, principal, access, content)
            await publish_content(tx, principal, file_id, is_new=True)
            return await get_asset(tx, principal, file_id, "file")
    except BaseException:
        await blobs.discard(received.id)
        raise


async def _change(tx: Connection, principal: Principal, file_id: UUID, fields: FileFields) -> Access:
    if fields.id not in (UNSET, file_id):
        raise InvalidRequest("id is another file's than the path's.", "id")
    access = await lock_access(tx, principal, file_id, WRITE, "file")
    if any(getattr(fields, name) is not UNSET for name in AssetFields.__struct_fields__):
        await update_asset(tx, principal, access, fields)
    return access


async def _find_new_content(tx: Connection, principal: Principal, file_id: UUID, fields: FileFields) -> Content | None:
    """The upload that `metadata` names; a file's own path, and none, mean that its content stays."""
    if fields.metadata is UNSET or fields.metadata is None or fields.metadata.path is None:
        return None
    path = fields.metadata.path
    row = await tx.fetchrow(sql.find_file, file_id)
    if row is None or path == row["path"]:
        return None
    found = split_upload_id(f"{fields.metadata.bucket}/{path}")
    if found is None:
        raise no_upload()
    _, content = await take_upload(tx, principal, *found)
    return content


async def _replace(tx: Connection, principal: Principal, access: Access, content: Content) -> None:
    # A licence commits to the bytes that were sold.
    await require_no_buyers(tx, access.id, "its content cannot be replaced", "create another file with the new bytes")
    await tx.execute(
        sql.replace_content, access.id, content.blob_id, content.file_name, content.type, content.extension
    )
    await set_asset_details(tx, access.id, preview=[])  # the old content's
    await record(
        tx,
        principal,
        "file.replace",
        organization_id=access.organization_id,
        subject_id=access.id,
        sha3_512=content.sha3_512.hex(),
    )
