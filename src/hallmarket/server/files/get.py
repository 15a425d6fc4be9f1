"""Get a file: what is said of it, what its bytes are, where they are had."""

from uuid import UUID

from hallmarket.server.blobs.blob_store import BlobStore
from hallmarket.server.catalog.access import get_access
from hallmarket.server.catalog.content_provider import Download
from hallmarket.server.catalog.get import get_asset
from hallmarket.server.catalog.signed_urls import LIFETIME_S, SignedUrls
from hallmarket.server.catalog.types import READ
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest, NotFound
from hallmarket.server.files.paths import bucket_of
from hallmarket.server.files.pending_uploads import content_of, download_of, find_upload
from hallmarket.server.files.types import Content, Described, FileUrl, metadata_of
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


async def get_metadata(connection: Connection, principal: Principal, file_id: UUID) -> Described:
    """What a file's bytes are; also before it is one, for whoever sent them. Raises NotFound."""
    if (pending := await find_upload(connection, principal, file_id)) is not None:
        return Described(pending)
    asset = await get_asset(connection, principal, file_id, "file")
    path, content = await _get_content(connection, file_id)
    return Described(metadata_of(file_id, bucket_of(asset.visibility), path, content), asset.preview)


async def make_url(
    database: Database, signed_urls: SignedUrls, principal: Principal, base_url: str, file_id: UUID
) -> FileUrl:
    """An address of a file's bytes. Raises NotFound, Locked."""
    async with database.connection() as connection:
        await get_access(connection, principal, file_id, READ, "file")
        await _get_content(connection, file_id)
    return FileUrl(signed_urls.sign(principal, base_url, "download", file_id), LIFETIME_S)


class FileContentProvider:
    """What files offer to the catalog: their bytes, as they were sent."""

    def __init__(self, database: Database, blobs: BlobStore) -> None:
        self._database = database
        self._blobs = blobs

    async def get_download(self, asset_id: UUID, content_format: str | None) -> Download:
        """A file's bytes. Raises InvalidRequest for any other form, NotFound."""
        if content_format is not None:
            raise InvalidRequest("A file has no other form than its own bytes; leave format out.", "format")
        async with self._database.connection() as connection:
            _, content = await _get_content(connection, asset_id)
        return download_of(self._blobs, content)


async def _get_content(connection: Connection, file_id: UUID) -> tuple[str, Content]:
    row = await connection.fetchrow(sql.find_file, file_id)
    if row is None:
        raise NotFound("There is no such file.")
    return row["path"], content_of(row)
