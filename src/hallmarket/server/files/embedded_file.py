"""A file embedded in a post as base64, and created with the post as its child."""

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
from hallmarket.server.files.paths import UploadLocation, new_location
from hallmarket.server.files.publish_content import insert_file
from hallmarket.server.files.store_content import store_content
from hallmarket.server.files.types import Content, FileName
from hallmarket.server.principal import Principal


class EmbeddedMetadata(msgspec.Struct, frozen=True):
    """The metadata of an embedded file."""

    name: FileName


class EmbeddedFile(msgspec.Struct, frozen=True):
    """The data of an embedded file."""

    base64: str
    metadata: EmbeddedMetadata


class FileEmbedder:
    """Creates files embedded in posts. Bytes are stored before the transaction that creates the file."""

    def __init__(self, blobs: BlobStore) -> None:
        self._blobs = blobs

    async def prepare(self, principal: Principal, data: dict[str, Any]) -> "PreparedFile":
        """Store an embedded file's bytes. Raises InvalidRequest, Unavailable."""
        try:
            embedded = msgspec.convert(data, EmbeddedFile)
            decoded = await asyncio.to_thread(binascii.a2b_base64, embedded.base64.encode(), strict_mode=True)
        except (msgspec.ValidationError, ValueError) as error:
            raise InvalidRequest(f"An embedded file must have base64 and metadata.name: {error}", "content") from None

        async def chunks() -> AsyncIterator[bytes]:
            yield decoded

        location = new_location(embedded.metadata.name)
        blob, content = await store_content(self._blobs, principal.organization_id, location.file_name, chunks())
        return PreparedFile(self._blobs, location, blob, content)


class PreparedFile:
    """An embedded file whose bytes are stored: to be created, or discarded."""

    def __init__(self, blobs: BlobStore, location: UploadLocation, blob: StoredBlob, content: Content) -> None:
        self._blobs = blobs
        self._location = location
        self._blob = blob
        self._content = content

    async def create(self, tx: Connection, principal: Principal, fields: AssetFields) -> tuple[UUID, dict[str, Any]]:
        """Create the file and anchor its bytes. Raises as `create_asset`, and Unavailable."""
        await retain_blob(tx, self._blob)
        file_id = await create_asset(tx, principal, "file", fields, asset_id=self._location.file_id)
        await insert_file(tx, principal, file_id, self._location.path, self._content)
        return file_id, {}

    async def discard(self) -> None:
        """Delete the bytes, unless they are retained."""
        await self._blobs.discard(self._blob.id)
