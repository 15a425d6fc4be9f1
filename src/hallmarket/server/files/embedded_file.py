"""A file that is written within a text, as base64, and made with it as its child."""

import asyncio
import binascii
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import msgspec

from hallmarket.server.blobs.blob_store import BlobStore
from hallmarket.server.blobs.retain import retain_blob
from hallmarket.server.blobs.types import StoredBlob
from hallmarket.server.catalog.create import create_asset
from hallmarket.server.catalog.types import AssetFields
from hallmarket.server.database.connections import Connection
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.files.create import publish_content, sql
from hallmarket.server.files.paths import clean_file_name, path_of
from hallmarket.server.files.store_content import receive
from hallmarket.server.files.types import Content, FileName
from hallmarket.server.principal import Principal


class Called(msgspec.Struct, frozen=True):
    """What the file was called where it comes from."""

    name: FileName


class Said(msgspec.Struct, frozen=True):
    """What a text says of a file within it."""

    base64: str
    metadata: Called


class FileEmbedder:
    """Makes files of what texts hold; the bytes are received before the transaction that makes anything of them."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    async def prepare(self, principal: Principal, said: dict[str, Any]) -> "PreparedFile":
        """Receive a file's bytes. Raises InvalidRequest, Unavailable."""
        try:
            wanted = msgspec.convert(said, Said)
            content = await asyncio.to_thread(binascii.a2b_base64, wanted.base64.encode(), strict_mode=True)
        except (msgspec.ValidationError, ValueError) as error:
            raise InvalidRequest(f"A file within a text is its base64 and metadata.name: {error}", "content") from None

        async def pieces() -> AsyncIterator[bytes]:
            yield content

        return PreparedFile(
            self._blobs,
            *await receive(self._blobs, principal.organization_id, clean_file_name(wanted.metadata.name), pieces()),
        )


class PreparedFile:
    """A file whose bytes are received: to be made, or discarded."""

    def __init__(self, blobs: BlobStore, received: StoredBlob, content: Content) -> None:
        self._blobs = blobs
        self._received = received
        self._content = content

    async def make(self, tx: Connection, principal: Principal, fields: AssetFields) -> tuple[UUID, dict[str, Any]]:
        """Make the file and anchor its bytes. Raises as `create_asset`, and Unavailable."""
        content = self._content
        await retain_blob(tx, self._received)
        file_id = await create_asset(tx, principal, "file", fields)
        path = path_of(file_id, content.file_name)
        await tx.execute(
            sql.create_file, file_id, content.blob_id, path, content.file_name, content.type, content.extension
        )
        await publish_content(tx, principal, file_id, is_new=True)
        return file_id, {}

    async def discard(self) -> None:
        """Clear the bytes away, unless they are kept."""
        await self._blobs.discard(self._received.id)
