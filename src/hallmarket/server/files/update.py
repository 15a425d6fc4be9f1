"""Update a file's fields, and its content if the request names an upload."""

from uuid import UUID

from msgspec import UNSET

from hallmarket.server.catalog.access import lock_access
from hallmarket.server.catalog.description import check_description
from hallmarket.server.catalog.get import get_asset
from hallmarket.server.catalog.types import WRITE, WireAsset
from hallmarket.server.catalog.update import update_asset
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.files.paths import parse_upload_id
from hallmarket.server.files.pending_uploads import take_upload, upload_not_found
from hallmarket.server.files.publish_content import update_metadata
from hallmarket.server.files.replace_content import require_same_id, set_content
from hallmarket.server.files.types import Content, FileFields
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


async def update_file(database: Database, principal: Principal, file_id: UUID, fields: FileFields) -> WireAsset:
    """Update a file's fields, and its content if `metadata` names the principal's upload.

    Raises NotFound for the file or the upload, Forbidden, InvalidRequest, Conflict for a new content or visibility of
    a file that people bought; then nothing has changed.
    """
    fields = await check_description(fields)
    require_same_id(fields, file_id)
    async with database.transaction() as tx:
        access = await lock_access(tx, principal, file_id, WRITE, "file")
        if fields.updates_asset:
            await update_asset(tx, principal, access, fields)
        content = await _take_new_content(tx, principal, file_id, fields)
        if content is None:
            await update_metadata(tx, file_id)
        else:
            await set_content(tx, principal, access, content)
        return await get_asset(tx, principal, file_id, "file")


async def _take_new_content(tx: Connection, principal: Principal, file_id: UUID, fields: FileFields) -> Content | None:
    """Take the upload that `metadata` names; None if it names none, or the file's own path."""
    if fields.metadata is UNSET or fields.metadata is None or fields.metadata.path is None:
        return None
    path = fields.metadata.path
    row = await tx.fetchrow(sql.find_file, file_id)
    if row is None or path == row["path"]:
        return None
    parsed = parse_upload_id(f"{fields.metadata.bucket}/{path}")
    if parsed is None:
        raise upload_not_found()
    _, content = await take_upload(tx, principal, *parsed)
    return content
