"""The organization that a request of the exchange dialect acts in."""

from uuid import UUID

import msgspec

from hallmarket.server.errors import InvalidOrgContext, OrgContextForbidden
from hallmarket.server.principal import PERSONAL_CONTEXT, Principal


def select_organization(principal: Principal, header: bytes | None) -> Principal:
    """Return the principal in the organization that the header `X-Ouro-Org` names.

    The zero UUID selects the personal context. Raises InvalidOrgContext if the header is not a UUID, ApiKeyOrgMismatch
    if the key is bound to another organization, OrgContextForbidden if the person is not a member.
    """
    if header is None:
        return principal
    try:
        requested = UUID(header.decode("ascii").strip())
    except ValueError:
        raise InvalidOrgContext from None
    organization_id = None if requested == PERSONAL_CONTEXT else requested
    principal.require_organization(organization_id)
    if organization_id is not None and organization_id not in principal.organizations:
        raise OrgContextForbidden
    return msgspec.structs.replace(principal, organization_id=organization_id)
