"""What somebody asked to anchor, and what came of it."""

from uuid import UUID

import msgspec

from hallmarket.server.errors import DomainError
from hallmarket.server.idempotency.types import Claim, StoredResponse
from hallmarket.server.media.types import Anchor, Owner


class Work(msgspec.Struct, frozen=True):
    """One request to anchor on somebody's behalf; `claim` if it came with an idempotency key."""

    owner: Owner
    anchor: Anchor
    claim: Claim | None = None


class Accepted(msgspec.Struct, frozen=True):
    """The item is durable and queued for the log; `again` if it was an earlier item of the caller's."""

    id: UUID
    again: bool


Outcome = Accepted | StoredResponse | DomainError
