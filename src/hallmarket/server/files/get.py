"""Get a file's metadata, or a signed URL of its bytes."""

from uuid import UUID

from hallmarket.server.catalog.access import get_access
from hallmarket.server.catalog.get import get_asset
from hallmarket.server.catalog.signed_urls import LIFETIME_S, SignedUrls
from hallmarket.server.catalog.types import READ
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import NotFound
from hallmarket.server.files.paths import bucket_for
from hallmarket.server.files.pending_uploads import find_upload_metadata
from hallmarket.server.files.types import FileDescription, FileUrl, file_metadata, read_content
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


async def get_metadata(connection: Connection, principal: Principal, file_id: UUID) -> FileDescription:
    """Return the metadata of a file, or of the principal's pending upload with this id. Raises NotFound."""
    if (pending := await find_upload_metadata(connection, principal, file_id)) is not None:
        return FileDescription(pending)
    asset = await get_asset(connection, principal, file_id, "file")
    row = await connection.fetchrow(sql.find_file, file_id)
    if row is None:
        raise NotFound("There is no such file.")
    metadata = file_metadata(file_id, bucket_for(asset.visibility), row["path"], read_content(row))
    return FileDescription(metadata, asset.preview)


async def create_file_url(
    database: Database, signed_urls: SignedUrls, principal: Principal, base_url: str, file_id: UUID
) -> FileUrl:
    """Return a signed URL of a file's bytes. Raises NotFound, Locked."""
    async with database.connection() as connection:
        await get_access(connection, principal, file_id, READ, "file")
        if await connection.fetchrow(sql.find_file, file_id) is None:
            raise NotFound("There is no such file.")
    return FileUrl(signed_urls.sign(principal, base_url, "download", file_id), LIFETIME_S)
