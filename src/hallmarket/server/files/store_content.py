"""Receive a file's bytes: stored and fingerprinted as they come, and looked at to see what they are."""

from collections.abc import AsyncIterator
from uuid import UUID

from hallmarket.server.blobs.blob_store import BlobStore
from hallmarket.server.blobs.types import StoredBlob
from hallmarket.server.errors import PayloadTooLarge
from hallmarket.server.files.sniff import HEAD_BYTES, sniff
from hallmarket.server.files.types import Content


async def receive(
    blobs: BlobStore, organization_id: UUID | None, file_name: str, pieces: AsyncIterator[bytes]
) -> tuple[StoredBlob, Content]:
    """Bytes as they came, to be kept or discarded, and what they are. Raises Unavailable, and what `pieces` raises."""
    head = bytearray()

    async def looked_at() -> AsyncIterator[bytes]:
        async for piece in pieces:
            if len(head) < HEAD_BYTES:
                head.extend(piece[: HEAD_BYTES - len(head)])
            yield piece

    received = await blobs.receive(organization_id, None, looked_at())
    found = sniff(bytes(head), file_name)
    return received, Content(
        received.id, received.size_bytes, received.sha3_512, file_name, found.type, found.extension
    )


async def bounded(pieces: AsyncIterator[bytes], max_bytes: int) -> AsyncIterator[bytes]:
    """The same pieces. Raises PayloadTooLarge once there are more than `max_bytes`."""
    seen = 0
    async for piece in pieces:
        seen += len(piece)
        if seen > max_bytes:
            raise PayloadTooLarge(f"A file may have at most {max_bytes} bytes.", {"limitBytes": max_bytes})
        yield piece
