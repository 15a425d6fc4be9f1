"""The download of a file: its bytes as they were sent."""

from uuid import UUID

from hallmarket.server.blobs.blob_store import BlobStore
from hallmarket.server.catalog.content_provider import Download
from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest, NotFound
from hallmarket.server.files.types import Content, read_content

sql = load_queries(__package__)


class FileContentProvider:
    """The catalog's content provider for files."""

    def __init__(self, database: Database, blobs: BlobStore) -> None:
        self._database = database
        self._blobs = blobs

    async def get_download(self, asset_id: UUID, content_format: str | None) -> Download:
        """Return a file's bytes. Raises InvalidRequest for any format, NotFound."""
        if content_format is not None:
            raise InvalidRequest("A file can only be downloaded as it is; leave out format.", "format")
        async with self._database.connection() as connection:
            row = await connection.fetchrow(sql.find_file, asset_id)
        if row is None:
            raise NotFound("There is no such file.")
        return make_download(self._blobs, read_content(row))


def make_download(blobs: BlobStore, content: Content) -> Download:
    """Return the download of stored content. It allows range requests; its entity tag is its SHA3-512."""
    end = content.size_bytes - 1
    return Download(
        file_name=content.file_name,
        content_type=content.type,
        read=lambda first, last: blobs.read(content.blob_id, first, end if last is None else last),
        size_bytes=content.size_bytes,
        etag=f'"{content.sha3_512.hex()}"',
    )
