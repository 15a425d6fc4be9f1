"""Download one of a version's Parquet files, whose hash is in the version's manifest."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import UUID

import msgspec

from hallmarket.server.catalog.content_provider import Download
from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.versions import get_version
from hallmarket.server.errors import NotFound
from hallmarket.server.principal import Principal
from hallmarket.server.tables.store import TableStore

CONTENT_TYPE = "application/vnd.apache.parquet"
CHUNK_BYTES = 1024 * 1024


async def get_version_file(
    database: Database, tables: TableStore, principal: Principal, dataset_id: UUID, number: int, name: str
) -> Download:
    """Return a file of a version by its name in the manifest. Raises NotFound, Locked, Unavailable."""
    async with database.connection() as connection:
        version = await get_version(connection, principal, dataset_id, number)
    file = next((file for file in version.snapshot.files if file.name == name), None)
    if file is None:
        raise NotFound("This version has no such file. Its manifest lists its files.")
    snapshot = msgspec.structs.replace(version.snapshot, files=(file,))

    async def read(first: int, last: int | None) -> AsyncIterator[bytes]:
        (path,) = await asyncio.to_thread(tables.local_paths, snapshot)
        async for chunk in _read(path, first, file.size_bytes if last is None else last + 1):
            yield chunk

    return Download(file.name, CONTENT_TYPE, read, file.size_bytes, f'"{file.sha3_512}"')


async def _read(path: Path, start: int, end: int) -> AsyncIterator[bytes]:
    # An open file can be read to its end even if the cache deletes it meanwhile.
    opened = await asyncio.to_thread(path.open, "rb")
    try:
        await asyncio.to_thread(opened.seek, start)
        while start < end and (chunk := await asyncio.to_thread(opened.read, min(CHUNK_BYTES, end - start))):
            start += len(chunk)
            yield chunk
    finally:
        opened.close()
