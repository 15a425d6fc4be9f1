"""Makes the thumbnail of a blob: the job that `request_thumbnail` enqueues."""

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
from hallmarket.server.previews.decoder_pool import DecoderPool
from hallmarket.server.previews.decoder_protocol import CannotRender, DecoderDied, Thumbnail
from hallmarket.server.previews.detect_format import HEAD_BYTES, detect_format
from hallmarket.server.previews.types import CONTENT_TYPE, Preview, ThumbnailListener

sql = load_queries(__package__)

MAX_COPIED_BYTES = 2 * 1024**3  # of an object in a cloud, which is copied in order to be read
MAX_ATTEMPTS = 2  # the first decoder may have died for another reason, such as a machine without memory
log = structlog.get_logger()


class ThumbnailMaker:
    """Makes thumbnails. Each listener is called in the transaction that stores a thumbnail."""

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        decoders: DecoderPool,
        scratch: Path,
        listeners: Sequence[ThumbnailListener],
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._decoders = decoders
        self._scratch = scratch
        self._listeners = listeners

    async def make(self, payload: bytes) -> None:
        """Make the thumbnail of the blob whose id is the payload, or store the reason why it has none.

        Does nothing if that has been done or the blob has been deleted. Raises Unavailable.
        """
        blob_id = msgspec.json.decode(payload, type=UUID)
        async with self._database.connection() as connection:
            waiting = await connection.fetchrow(sql.find_waiting, blob_id)
        if waiting is None:
            return
        try:
            thumbnail = await self._render(blob_id)
        except CannotRender as error:
            await self._store_reason(blob_id, str(error))
        else:
            await self._store(blob_id, waiting["organization_id"], thumbnail)

    async def give_up(self, payload: bytes, reason: str) -> None:
        """Store the reason why the job has been given up. Raises Unavailable."""
        blob_id = msgspec.json.decode(payload, type=UUID)
        await self._store_reason(blob_id, f"The thumbnail could not be made: {reason}")

    async def _render(self, blob_id: UUID) -> Thumbnail:
        try:
            file = await self._blobs.open(blob_id, self._scratch, MAX_COPIED_BYTES)
        except FileNotFoundError:
            raise CannotRender("The file has been deleted.") from None
        except ObjectTooLarge:
            raise CannotRender("The file is too large for a thumbnail.") from None
        with file:
            format_ = detect_format(await asyncio.to_thread(_read_head, file))
            if format_ is None:
                raise CannotRender("The file is not an image, video or PDF of a supported format.")
            return await self._render_file(format_, file)

    async def _render_file(self, format_: str, file: IO[bytes]) -> Thumbnail:
        for attempt in range(1, MAX_ATTEMPTS + 1):
            try:
                return await self._decoders.render(format_, file)
            except DecoderDied as error:
                log.warning("a decoder died; the server goes on", kind=format_, error=str(error))
                if attempt == MAX_ATTEMPTS:
                    raise CannotRender(str(error)) from error
        raise AssertionError

    async def _store(self, blob_id: UUID, organization_id: UUID | None, thumbnail: Thumbnail) -> None:
        received = await self._blobs.receive(organization_id, CONTENT_TYPE, _pieces(thumbnail.content))
        is_stored = False
        try:
            async with self._database.transaction() as tx:
                row = await tx.fetchrow(sql.mark_made, blob_id, received.id, thumbnail.width, thumbnail.height)
                if row is not None:
                    await retain_blob(tx, received)
                    for listener in self._listeners:
                        await listener(tx, Preview(**row))
            is_stored = row is not None
        finally:
            if not is_stored:
                await self._blobs.discard(received.id)

    async def _store_reason(self, blob_id: UUID, reason: str) -> None:
        async with self._database.connection() as connection:
            await connection.execute(sql.mark_none, blob_id, reason)


def _read_head(file: IO[bytes]) -> bytes:
    head = file.read(HEAD_BYTES)
    file.seek(0)
    return head


async def _pieces(content: bytes) -> AsyncIterator[bytes]:
    yield content
