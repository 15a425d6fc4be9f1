"""What somebody asked to anchor, and what came of it."""

from uuid import UUID

import msgspec

from hallmarket.server.errors import DomainError
from hallmarket.server.media.types import Anchor, Asker


class Claim(msgspec.Struct, frozen=True):
    """An idempotency key somebody sent, and the digest of the request it came with."""

    asker: Asker
    key: str
    digest: bytes

    @property
    def place(self) -> tuple[object, object, str]:
        """What makes the key unique: a person in an organization has each key once."""
        return self.asker.organization_id, self.asker.person_id, self.key


class Work(msgspec.Struct, frozen=True):
    """One request to anchor on somebody's behalf; `claim` if it came with an idempotency key."""

    asker: Asker
    anchor: Anchor
    claim: Claim | None = None


class Accepted(msgspec.Struct, frozen=True):
    """The item is durable and queued for the log; `again` if it was an earlier item of the caller's."""

    id: UUID
    again: bool


class Replay(msgspec.Struct, frozen=True):
    """The first answer, byte for byte."""

    status: int
    body: bytes


Outcome = Accepted | Replay | DomainError
