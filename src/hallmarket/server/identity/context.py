"""Who sends a request, and the organization it runs in: the key's, or the one that `X-Ouro-Org` names, or none."""

from uuid import UUID

import msgspec

from hallmarket.server.audit.types import Actor
from hallmarket.server.errors import ApiKeyOrgMismatch, InvalidOrgContext, OrgContextForbidden
from hallmarket.server.http.idempotency import find_idempotency_key
from hallmarket.server.http.request_context import RequestContext
from hallmarket.server.idempotency.store import digest_of
from hallmarket.server.idempotency.types import Claim
from hallmarket.server.identity.types import NOBODY, Caller


def choose_context(caller: Caller, named: bytes | None) -> Caller:
    """The caller in the organization they named; the zero UUID is the person alone.

    Raises InvalidOrgContext for no UUID, ApiKeyOrgMismatch if the key is bound to another, OrgContextForbidden if the
    person does not belong to it.
    """
    if named is None:
        return caller
    try:
        wanted = UUID(named.decode("ascii").strip())
    except ValueError:
        raise InvalidOrgContext from None
    organization_id = None if wanted == NOBODY else wanted
    check_binding(caller, organization_id)
    if organization_id is not None and organization_id not in caller.organizations:
        raise OrgContextForbidden
    return msgspec.structs.replace(caller, organization_id=organization_id)


def check_binding(caller: Caller, organization_id: UUID | None) -> None:
    """Raises ApiKeyOrgMismatch if the caller's key is bound to another organization than they mean to change."""
    if caller.is_bound and organization_id != caller.organization_id:
        raise ApiKeyOrgMismatch


def actor_of(context: RequestContext) -> Actor:
    """Who sends a request, as the audit trail writes it down."""
    return Actor(context.caller.person_id, context.caller.key_id, context.client)


def idempotency_claim(context: RequestContext, *said: object) -> Claim | None:
    """The claim of a person's own request to its `Idempotency-Key`, if it has one; `said` is all that it says.

    Raises InvalidRequest for a key that is none.
    """
    key = find_idempotency_key(context)
    return None if key is None else Claim(NOBODY, context.caller.person_id, key, digest_of(*said))
