"""Who acts: a person or the server itself, by which means, with which rights, and from where."""

from typing import Literal
from uuid import UUID

import msgspec

from hallmarket.server.errors import ApiKeyOrgMismatch, Forbidden, Unauthenticated

PERSONAL_CONTEXT = UUID(int=0)  # how the exchange dialect spells "no organization", and "no team"
Means = Literal["key", "session", "operator", "job", "webhook", "nobody"]


class Person(msgspec.Struct, frozen=True):
    """The person who acts. A job that acts for a person knows only their id."""

    id: UUID
    username: str = ""
    name: str | None = None
    email: str | None = None


class Origin(msgspec.Struct, frozen=True):
    """Where an action came from, for the audit trail. All fields are None if it began on the server."""

    address: str | None = None
    user_agent: str | None = None
    request_id: str | None = None


NO_ORIGIN = Origin()


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts in a verb. A page, an API route, a job, a webhook and a test all pass one.

    `organization_id` is the organization the person acts in; None is their personal context. `organizations` are all
    that the person belongs to. `bound_to` is the only organization that the credential opens; None opens all of them.
    """

    means: Means
    person: Person | None = None
    organization_id: UUID | None = None
    organizations: frozenset[UUID] = frozenset()
    bound_to: UUID | None = None
    scopes: frozenset[str] = frozenset()
    key_id: UUID | None = None
    key_name: str | None = None
    expires_at: float | None = None  # Unix seconds
    origin: Origin = NO_ORIGIN

    @property
    def person_id(self) -> UUID:
        """The id of the person who acts. Raises Unauthenticated if nobody does."""
        if self.person is None:
            raise Unauthenticated("Only a person can do this. Send an API key or a token.")
        return self.person.id

    @property
    def username(self) -> str:
        """The username of the person who acts. Raises Unauthenticated if nobody does."""
        if self.person is None:
            raise Unauthenticated("Only a person can do this. Send an API key or a token.")
        return self.person.username

    @property
    def own_organization_id(self) -> UUID:
        """The organization that the person acts in. Raises Forbidden in the personal context."""
        if self.organization_id is None:
            raise Forbidden("Do this in an organization: this API key is bound to none.", {"field": "x-api-key"})
        return self.organization_id

    @property
    def actor_id(self) -> UUID | None:
        """The id of the person who acts, or None for the server itself and for anonymous clients."""
        return None if self.person is None else self.person.id

    @property
    def viewer(self) -> tuple[UUID, UUID | None]:
        """The person, and the only organization that their credential opens, if any: what access queries take."""
        return self.person_id, self.bound_to

    def require_organization(self, organization_id: UUID | None) -> None:
        """Raises ApiKeyOrgMismatch if the credential is bound to another organization; None is the personal context."""
        if self.bound_to is not None and self.bound_to != organization_id:
            raise ApiKeyOrgMismatch

    def without_origin(self) -> "Principal":
        """Return the person without their credential and origin, for events that other organizations may read."""
        return Principal(means=self.means, person=self.person, organization_id=self.organization_id)


OPERATOR = Principal(means="operator")
WEBHOOK = Principal(means="webhook")
NOBODY = Principal(means="nobody")


def job_for(person_id: UUID | None = None) -> Principal:
    """Return the principal of a background job that acts for a person, or for nobody."""
    return Principal(means="job", person=None if person_id is None else Person(person_id))
