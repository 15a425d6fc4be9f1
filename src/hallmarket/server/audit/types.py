"""Who acts, as the audit trail writes it down."""

from uuid import UUID

import msgspec


class Actor(msgspec.Struct, frozen=True):
    """A person with the key they used and the address they came from; all null for a command on the server itself."""

    person_id: UUID | None = None
    key_id: UUID | None = None
    address: str | None = None


OPERATOR = Actor()
