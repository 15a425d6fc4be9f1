"""What a request to anchor says and is told, for the answers kept under its `Idempotency-Key`."""

import msgspec

from hallmarket.server.errors import DomainError
from hallmarket.server.http.reply import media_error, status_of
from hallmarket.server.idempotency.store import digest_of
from hallmarket.server.idempotency.types import Claim, StoredResponse
from hallmarket.server.media.outcome import Outcome
from hallmarket.server.media.types import Anchor, Owner
from hallmarket.server.principal import PERSONAL_CONTEXT


def make_claim(owner: Owner, key: str, anchor: Anchor, *more: object) -> Claim:
    """A claim to `key` for one request to anchor, with `more` that it says."""
    digest = digest_of(anchor.hash.hex(), anchor.size, anchor.id, anchor.name, anchor.metadata, *more)
    return Claim(owner.organization_id or PERSONAL_CONTEXT, owner.person_id, key, digest)


def render(anchor: Anchor, outcome: Outcome) -> StoredResponse:
    """The status and body an outcome is told as."""
    if isinstance(outcome, StoredResponse):
        return outcome
    if isinstance(outcome, DomainError):
        return StoredResponse(status_of(outcome), msgspec.json.encode(media_error(outcome)))
    if outcome.again:
        return StoredResponse(200, msgspec.json.encode({**anchor.echo, "id": outcome.id}))
    return StoredResponse(201, b'{"id":"%s"}' % str(outcome.id).encode())
