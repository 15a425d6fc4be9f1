"""Create a file from a pending upload: asset, content and log entry commit together or not at all."""

from hallmarket.server.catalog.create import create_asset
from hallmarket.server.catalog.description import check_description
from hallmarket.server.catalog.get import get_asset
from hallmarket.server.catalog.types import WireAsset
from hallmarket.server.database.connections import Database
from hallmarket.server.files.pending_uploads import take_upload
from hallmarket.server.files.publish_content import insert_file
from hallmarket.server.files.types import NewFileFields
from hallmarket.server.principal import Principal


async def create_file(database: Database, principal: Principal, fields: NewFileFields) -> WireAsset:
    """Create a file from the principal's upload with the same id.

    Raises NotFound for an upload that does not exist or belongs to another person, and as `create_asset`.
    """
    fields = await check_description(fields)
    async with database.transaction() as tx:
        path, content = await take_upload(tx, principal, fields.id)
        file_id = await create_asset(tx, principal, "file", fields, asset_id=fields.id)
        await insert_file(tx, principal, file_id, path, content)
        return await get_asset(tx, principal, file_id, "file")
