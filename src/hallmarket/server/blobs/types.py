"""Types of the blobs room."""

from uuid import UUID

import msgspec


class StoredBlob(msgspec.Struct, frozen=True):
    """An object that has been written to the object store. It is deleted within a day unless it is retained."""

    id: UUID
    size_bytes: int
    sha3_512: bytes
