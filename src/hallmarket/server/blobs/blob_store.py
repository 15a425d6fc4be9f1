"""Blob store: receive uploaded bytes, read them, and discard them. Each blob has a database row and an object."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import IO
from uuid import UUID

from hallmarket.server.blobs.object_store import ObjectStore
from hallmarket.server.blobs.types import StoredBlob
from hallmarket.server.database.connections import Database
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Unavailable

sql = load_queries(__package__)

CHUNK_BYTES = 1024 * 1024  # hashing this takes about 4 ms, which is worth handing to another thread


class BlobStore:
    """Blobs in the object store and their rows in the database.

    A caller of `receive` either retains the blob in its own transaction (`retain_blob`) or discards it.
    """

    def __init__(self, database: Database, store: ObjectStore) -> None:
        self._database = database
        self._store = store

    async def receive(
        self, organization_id: UUID | None, content_type: str | None, chunks: AsyncIterator[bytes]
    ) -> StoredBlob:
        """Write and hash a stream of bytes, using constant memory.

        Raises Unavailable, and any exception that `chunks` raises. In both cases the blob is discarded.
        """
        blob_id = new_id()
        # The row comes first: an object without a row would never be found for deletion.
        async with self._database.connection() as connection:
            await connection.execute(sql.create_blob, blob_id, organization_id, content_type)
        sha3_512, size_bytes = hashlib.sha3_512(), 0

        async def hashed() -> AsyncIterator[bytes]:
            nonlocal size_bytes
            async for chunk in _regroup(chunks):
                size_bytes += len(chunk)
                await asyncio.to_thread(sha3_512.update, chunk)
                yield chunk

        try:
            await self._store.put(object_name(blob_id), hashed())
        except BaseException:
            await self.discard(blob_id)
            raise
        return StoredBlob(blob_id, size_bytes, sha3_512.digest())

    def read(self, blob_id: UUID, first: int, last: int) -> AsyncIterator[bytes]:
        """Stream a retained blob from byte `first` to byte `last` inclusive. Raises Unavailable."""
        return self._store.get(object_name(blob_id), first, last)

    async def open(self, blob_id: UUID, scratch: Path, max_bytes: int) -> IO[bytes]:
        """Open a retained blob as a seekable file. A cloud object is first copied to `scratch`.

        Raises FileNotFoundError, ObjectTooLarge if a copy would exceed `max_bytes`, Unavailable.
        """
        return await self._store.open(object_name(blob_id), scratch, max_bytes)

    async def discard(self, blob_id: UUID) -> None:
        """Delete a blob unless it is retained. If the database or the store is unavailable, periodic cleanup does it.

        The check matters because a commit whose outcome the caller never learned may have retained the blob.
        """
        with suppress(Unavailable):
            async with self._database.transaction() as tx:
                # False means not retained; None means that periodic cleanup deleted the row during the upload.
                if not await tx.fetchval(sql.lock_blob, blob_id):
                    await self._store.delete(object_name(blob_id))
                    await tx.execute(sql.delete_unretained_blobs, [blob_id])


def object_name(blob_id: UUID) -> str:
    """Return the blob's object name, prefixed by the random end of its id so that new objects spread over folders."""
    text = blob_id.hex
    return f"{text[-2:]}/{text}"


async def _regroup(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Regroup a stream of bytes into chunks of at least `CHUNK_BYTES`, except the last one."""
    buffer = bytearray()
    async for chunk in chunks:
        buffer += chunk
        if len(buffer) >= CHUNK_BYTES:
            yield bytes(buffer)
            buffer.clear()
    if buffer:
        yield bytes(buffer)
