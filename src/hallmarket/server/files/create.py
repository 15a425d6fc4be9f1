"""Create a file of an upload: asset, content and log entry commit together or not at all."""

from uuid import UUID

import msgspec

from hallmarket.server.catalog.create import create_asset
from hallmarket.server.catalog.description import check_description
from hallmarket.server.catalog.get import get_asset
from hallmarket.server.catalog.types import WireAsset
from hallmarket.server.catalog.update import set_asset_details
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import NotFound
from hallmarket.server.files.anchor import anchor
from hallmarket.server.files.paths import bucket_of
from hallmarket.server.files.pending_uploads import content_of, take_upload
from hallmarket.server.files.types import Content, NewFileFields, metadata_of
from hallmarket.server.previews.request_thumbnail import request_thumbnail
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


async def create_file(database: Database, principal: Principal, fields: NewFileFields) -> WireAsset:
    """Make a file of an upload of the caller's, which is theirs and has its id.

    Raises NotFound for an upload that is not there or not theirs, and as `create_asset`.
    """
    fields = await check_description(fields)
    async with database.transaction() as tx:
        path, content = await take_upload(tx, principal, fields.id)
        file_id = await create_asset(tx, principal, "file", fields, asset_id=fields.id)
        await tx.execute(
            sql.create_file, file_id, content.blob_id, path, content.file_name, content.type, content.extension
        )
        await publish_content(tx, principal, file_id, is_new=True)
        return await get_asset(tx, principal, file_id, "file")


async def publish_content(tx: Connection, principal: Principal, file_id: UUID, *, is_new: bool) -> Content:
    """Say of a file what its content is and where it stands now, and anchor and draw the content if it is new."""
    row = await tx.fetchrow(sql.find_file, file_id)
    if row is None:
        raise NotFound("There is no such file.")
    content = content_of(row)
    metadata = metadata_of(file_id, bucket_of(row["visibility"]), row["path"], content)
    await set_asset_details(tx, file_id, metadata=msgspec.to_builtins(metadata), body=content.file_name)
    if is_new:
        await anchor(tx, content, principal.person_id, row["organization_id"], row["audience"])
        await request_thumbnail(tx, content.blob_id)
    return content
