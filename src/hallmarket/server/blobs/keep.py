"""Receive bytes, keep them, and clear away what nobody kept."""

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path
from typing import IO
from uuid import UUID

import msgspec
import structlog

from hallmarket.server.blobs.store import Store
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Unavailable

sql = load_queries(__package__)

AT_ONCE = 100  # objects cleared away in one transaction
PIECE_BYTES = 1024 * 1024  # some four milliseconds to fingerprint: worth another thread
log = structlog.get_logger()


class Received(msgspec.Struct, frozen=True):
    """Bytes that are in the store, and kept once a transaction says so: `keep` or `discard` them."""

    id: UUID
    size_bytes: int
    sha3_512: bytes


class Blobs:
    """Bytes in the store, each with its row in the database."""

    def __init__(self, database: Database, store: Store) -> None:
        self._database = database
        self._store = store

    async def receive(
        self, organization_id: UUID | None, content_type: str | None, pieces: AsyncIterator[bytes]
    ) -> Received:
        """Store and fingerprint bytes as they come; memory does not grow with them.

        Raises Unavailable, and whatever `pieces` raises; then nothing is left of them.
        """
        blob_id = new_id()
        # First the row: an object that nobody knows of could never be cleared away.
        async with self._database.connection() as connection:
            await connection.execute(sql.begin_blob, blob_id, organization_id, content_type)
        fingerprint, size_bytes = hashlib.sha3_512(), 0

        async def counted() -> AsyncIterator[bytes]:
            nonlocal size_bytes
            async for piece in _gathered(pieces):
                size_bytes += len(piece)
                await asyncio.to_thread(fingerprint.update, piece)
                yield piece

        try:
            await self._store.put(_object_name(blob_id), counted())
        except BaseException:
            await self.discard(blob_id)
            raise
        return Received(blob_id, size_bytes, fingerprint.digest())

    def read(self, blob_id: UUID, first: int, last: int) -> AsyncIterator[bytes]:
        """Bytes that are kept, from the first to the last, in pieces. Raises Unavailable."""
        return self._store.get(_object_name(blob_id), first, last)

    async def discard(self, blob_id: UUID) -> None:
        """Clear away bytes that nothing came of; if that cannot be done now, it is done a day later.

        Bytes that are kept stay: a commit that we heard nothing of may have been one.
        """
        with suppress(Unavailable):
            async with self._database.transaction() as tx:
                if not await tx.fetchval(sql.lock_blob, blob_id):  # not kept, or cleared away while its bytes came
                    await self._store.delete(_object_name(blob_id))
                    await tx.execute(sql.forget_blobs, [blob_id])

    async def clear_away(self) -> int:
        """Clear away what was let go of, and what was received a day ago or longer and not kept; returns how many.

        Raises Unavailable.
        """
        cleared = 0
        while going := await self._clear_some_away():
            cleared += going
        if cleared:
            log.info("cleared away bytes that nothing keeps", objects=cleared)
        return cleared

    async def _clear_some_away(self) -> int:
        async with self._database.transaction() as tx:
            going = [row["id"] for row in await tx.fetch(sql.lock_abandoned_blobs, AT_ONCE)]
            # First the rows: what something still belongs to stays, with its object.
            await tx.execute(sql.forget_blobs, going)
            for blob_id in going:
                await self._store.delete(_object_name(blob_id))
        return len(going)

    async def open(self, blob_id: UUID, scratch: Path, max_bytes: int) -> IO[bytes]:
        """Bytes that are kept, as a file to read and seek in; those in a cloud are copied to `scratch` for it.

        Raises FileNotFoundError, TooLarge if more than `max_bytes` would have to be copied, Unavailable.
        """
        return await self._store.open(_object_name(blob_id), scratch, max_bytes)


async def keep(tx: Connection, received: Received) -> None:
    """Keep received bytes, if `tx` commits. Raises Unavailable if they have been cleared away."""
    if await tx.fetchval(sql.keep_blob, received.id, received.size_bytes, received.sha3_512) is None:
        raise Unavailable("These bytes took longer than a day to come, and were cleared away. Send them again.")


async def keep_again(tx: Connection, blob_id: UUID) -> None:
    """Keep bytes that `tx` takes from one thing to give them to another."""
    await tx.execute(sql.keep_blob_again, blob_id)


async def find_kept(connection: Connection, blob_id: UUID) -> Received | None:
    """Bytes that are kept; None if there are none."""
    row = await connection.fetchrow(sql.find_blob, blob_id)
    return None if row is None else Received(blob_id, row["size"], row["sha3_512"])


async def _gathered(pieces: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in pieces that are worth handing on."""
    gathered = bytearray()
    async for piece in pieces:
        gathered += piece
        if len(gathered) >= PIECE_BYTES:
            yield bytes(gathered)
            gathered.clear()
    if gathered:
        yield bytes(gathered)


def _object_name(blob_id: UUID) -> str:
    text = blob_id.hex
    return f"{text[-2:]}/{text}"  # by its random end, so that no folder gets all that is new
