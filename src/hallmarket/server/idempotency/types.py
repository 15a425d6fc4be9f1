"""Claims to idempotency keys, and the answers kept under them."""

from uuid import UUID

import msgspec


class Claim(msgspec.Struct, frozen=True):
    """An idempotency key somebody sent, and the digest of the request it came with.

    A person has each key once in each organization, and once in their own context, which is the zero UUID.
    """

    organization_id: UUID
    person_id: UUID
    key: str
    digest: bytes

    @property
    def place(self) -> tuple[UUID, UUID, str]:
        """What makes the key unique."""
        return self.organization_id, self.person_id, self.key


class StoredResponse(msgspec.Struct, frozen=True):
    """The first answer, byte for byte."""

    status: int
    body: bytes
