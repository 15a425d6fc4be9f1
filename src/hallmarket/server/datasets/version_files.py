"""One of a version's files, to the byte: what its manifest fingerprints."""

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
PIECE_BYTES = 1024 * 1024


async def get_version_file(
    database: Database, tables: TableStore, principal: Principal, dataset_id: UUID, number: int, name: str
) -> Download:
    """A file of a version, as the version's manifest names it. Raises NotFound, Locked, Unavailable."""
    async with database.connection() as connection:
        version = await get_version(connection, principal, dataset_id, number)
    file = next((file for file in version.snapshot.files if file.name == name), None)
    if file is None:
        raise NotFound("There is no such file in this version; its manifest names them.")
    alone = msgspec.structs.replace(version.snapshot, files=(file,))

    async def read(first: int, last: int | None) -> AsyncIterator[bytes]:
        (path,) = await asyncio.to_thread(tables.local_paths, alone)
        async for piece in _read(path, first, file.size_bytes if last is None else last + 1):
            yield piece

    return Download(file.name, CONTENT_TYPE, read, file.size_bytes, f'"{file.sha3_512}"')


async def _read(path: Path, at: int, end: int) -> AsyncIterator[bytes]:
    # Once open it can be read to its end, whether a local copy stays or makes room for others.
    opened = await asyncio.to_thread(path.open, "rb")
    try:
        await asyncio.to_thread(opened.seek, at)
        while at < end and (piece := await asyncio.to_thread(opened.read, min(PIECE_BYTES, end - at))):
            at += len(piece)
            yield piece
    finally:
        opened.close()
