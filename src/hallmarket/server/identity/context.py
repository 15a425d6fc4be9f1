"""The organization a request runs in: its key's, or the one the header `X-Ouro-Org` names, or none."""

from uuid import UUID

import msgspec

from hallmarket.server.audit.types import Actor
from hallmarket.server.errors import ApiKeyOrgMismatch, InvalidOrgContext, OrgContextForbidden
from hallmarket.server.http.visit import Visit
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


def actor_of(visit: Visit) -> Actor:
    """Who sends a request, as the audit trail writes it down."""
    return Actor(visit.caller.person_id, visit.caller.key_id, visit.client)
