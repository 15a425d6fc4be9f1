"""Store a file's bytes as a blob while they arrive, and detect their media type."""

from collections.abc import AsyncIterator
from uuid import UUID

from hallmarket.server.blobs.blob_store import BlobStore
from hallmarket.server.blobs.types import StoredBlob
from hallmarket.server.errors import PayloadTooLarge
from hallmarket.server.files.sniff import HEAD_BYTES, sniff
from hallmarket.server.files.types import Content


async def store_content(
    blobs: BlobStore,
    organization_id: UUID | None,
    file_name: str,
    chunks: AsyncIterator[bytes],
    max_bytes: int | None = None,
) -> tuple[StoredBlob, Content]:
    """Store the bytes and describe them. The caller retains the blob in its transaction, or discards it.

    Raises PayloadTooLarge past `max_bytes`, Unavailable, and what `chunks` raises; then nothing is stored.
    """
    head, size_bytes = bytearray(), 0

    async def checked() -> AsyncIterator[bytes]:
        nonlocal size_bytes
        async for chunk in chunks:
            size_bytes += len(chunk)
            if max_bytes is not None and size_bytes > max_bytes:
                raise PayloadTooLarge(f"A file may have at most {max_bytes} bytes.", {"limitBytes": max_bytes})
            if len(head) < HEAD_BYTES:
                head.extend(chunk[: HEAD_BYTES - len(head)])
            yield chunk

    blob = await blobs.receive(organization_id, None, checked())
    media = sniff(bytes(head), file_name)
    return blob, Content(blob.id, blob.size_bytes, blob.sha3_512, file_name, media.type, media.extension)
