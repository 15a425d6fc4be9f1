"""Make the thumbnail that was asked for: the work of one job."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import IO
from uuid import UUID

import msgspec
import structlog

from hallmarket.server.blobs.blob_store import BlobStore
from hallmarket.server.blobs.object_store import ObjectTooLarge
from hallmarket.server.blobs.retain import retain_blob
from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.previews.decode import Decoders
from hallmarket.server.previews.outcome import DecoderDied, Drawn, Undrawable
from hallmarket.server.previews.request import read_preview
from hallmarket.server.previews.sniff import HEAD_BYTES, find_kind
from hallmarket.server.previews.types import Told

sql = load_queries(__package__)

CONTENT_TYPE = "image/webp"
MAX_COPIED_BYTES = 2 * 1024**3  # of an object in a cloud, which is copied to be looked at
MAX_DEATHS = 2  # for the first may have been somebody else's fault: a machine without memory
log = structlog.get_logger()


class Previews:
    """Makes thumbnails; `told` are told of each in the transaction that keeps it."""

    def __init__(
        self, database: Database, blobs: BlobStore, decoders: Decoders, scratch: Path, told: Sequence[Told]
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._decoders = decoders
        self._scratch = scratch
        self._told = told

    async def make(self, payload: bytes) -> None:
        """Make the thumbnail of the blob whose id is the payload, or keep the reason why there is none.

        Nothing happens if that is settled, or the blob gone. Raises Unavailable.
        """
        blob_id = msgspec.json.decode(payload, type=UUID)
        async with self._database.connection() as connection:
            waiting = await connection.fetchrow(sql.find_waiting, blob_id)
        if waiting is None:
            return
        try:
            drawn = await self._draw(blob_id)
        except Undrawable as error:
            await self._settle_none(blob_id, str(error))
        else:
            await self._keep(blob_id, waiting["organization_id"], drawn)

    async def give_up(self, payload: bytes, reason: str) -> None:
        """Keep the reason why making a thumbnail was given up. Raises Unavailable."""
        await self._settle_none(msgspec.json.decode(payload, type=UUID), f"It could not be made: {reason}")

    async def _draw(self, blob_id: UUID) -> Drawn:
        try:
            file = await self._blobs.open(blob_id, self._scratch, MAX_COPIED_BYTES)
        except FileNotFoundError:
            raise Undrawable("Its bytes are gone.") from None
        except ObjectTooLarge:
            raise Undrawable("It is too large to be fetched for a thumbnail.") from None
        with file:
            kind = find_kind(await asyncio.to_thread(_read_head, file))
            if kind is None:
                raise Undrawable("It is no picture, video or PDF that we know.")
            return await self._decode(kind, file)

    async def _decode(self, kind: str, file: IO[bytes]) -> Drawn:
        for deaths in range(1, MAX_DEATHS + 1):
            try:
                return await self._decoders.draw(kind, file)
            except DecoderDied as error:
                log.warning("a decoder died; the server goes on", kind=kind, error=str(error))
                if deaths == MAX_DEATHS:
                    raise Undrawable(str(error)) from error
        raise AssertionError

    async def _keep(self, blob_id: UUID, organization_id: UUID | None, drawn: Drawn) -> None:
        received = await self._blobs.receive(organization_id, CONTENT_TYPE, _pieces(drawn.content))
        kept = False
        try:
            async with self._database.transaction() as tx:
                row = await tx.fetchrow(sql.settle_made, blob_id, received.id, drawn.width, drawn.height)
                if row is not None:
                    await retain_blob(tx, received)
                    for tell in self._told:
                        await tell(tx, read_preview(row))
            kept = row is not None
        finally:
            if not kept:
                await self._blobs.discard(received.id)

    async def _settle_none(self, blob_id: UUID, reason: str) -> None:
        async with self._database.connection() as connection:
            await connection.execute(sql.settle_none, blob_id, reason)


def _read_head(file: IO[bytes]) -> bytes:
    head = file.read(HEAD_BYTES)
    file.seek(0)
    return head


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content
