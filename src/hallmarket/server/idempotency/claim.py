"""Claim an idempotency key for one request."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any
from uuid import UUID

import msgspec

from hallmarket.server.http.reply import Reply
from hallmarket.server.principal import PERSONAL_CONTEXT, Principal


class Claim(msgspec.Struct, frozen=True):
    """One request's claim to an idempotency key.

    A person can use each key once in each organization, and once in their personal context, which is the zero UUID.
    Two requests with the same key are the same request if their `digest` is equal. `render` makes the response that is
    stored under the key. Its argument is the value that the verb returned, or the DomainError that it raised.
    """

    organization_id: UUID
    person_id: UUID
    key: str
    digest: bytes
    render: Callable[[Any], Reply]

    @property
    def unique_key(self) -> tuple[UUID, UUID, str]:
        """The primary key of the stored response."""
        return self.organization_id, self.person_id, self.key


def claim_for(
    principal: Principal,
    key: str | None,
    *request: object,
    render: Callable[[Any], Reply],
    organization_id: UUID = PERSONAL_CONTEXT,
) -> Claim | None:
    """Return the claim of one request, or None if it has no key. `request` is every value that the client sent."""
    if key is None:
        return None
    # The values are hashed, not the body: a client may write the same JSON differently when it repeats a request.
    digest = sha256(msgspec.json.encode(request)).digest()
    return Claim(organization_id, principal.person_id, key, digest, render)
