"""Organizations on the exchange's wire: as they are shown, and as they are asked for."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
import msgspec
from msgspec import UNSET, Meta, UnsetType

from hallmarket.server.identity.types import MAX_NAME_LENGTH
from hallmarket.server.principal import PERSONAL_CONTEXT

# A `$` alone would also match before a newline at the end; "all" is the personal context.
Slug = Annotated[str, Meta(pattern=r"^(?!all$)[a-z0-9]+(-[a-z0-9]+)*(?!\n)$", max_length=64)]
DisplayName = Annotated[str, Meta(pattern=r"\S", max_length=MAX_NAME_LENGTH)]
Mission = Annotated[str, Meta(max_length=10_000)]
Address = Annotated[str, Meta(min_length=1, max_length=2_000)]
Website = Annotated[
    str, Meta(pattern=r"^([Hh][Tt][Tt][Pp][Ss]?://)?[^\s:/?#]+(:[0-9]+)?([/?#]\S*)?$", max_length=2_000)
]
JoinPolicy = Literal["invite_only", "request", "open"]
Visibility = Literal["public", "organization"]
SourcePolicy = Literal["any", "web_only", "api_only"]
ActorTypePolicy = Literal["any", "verified_only", "agents_only"]


class OrganizationChanges(msgspec.Struct, frozen=True):
    """What administrators may change; what is left out stays, null empties."""

    display_name: DisplayName | UnsetType = UNSET
    mission: Mission | UnsetType | None = UNSET
    website_url: Website | UnsetType | None = UNSET
    avatar_path: Address | UnsetType | None = UNSET
    join_policy: JoinPolicy | UnsetType = UNSET
    visibility: Visibility | UnsetType = UNSET
    source_policy: SourcePolicy | UnsetType = UNSET
    actor_type_policy: ActorTypePolicy | UnsetType = UNSET


class NewOrganization(OrganizationChanges, frozen=True):
    """An organization to be: `name` is its slug, made of `display_name` if left out; one of the two is needed."""

    name: Slug | UnsetType = UNSET


class CreateOrganization(msgspec.Struct, frozen=True):
    """The body of `POST /organizations/create`."""

    organization: NewOrganization


class UpdateOrganization(msgspec.Struct, frozen=True):
    """The body of `PUT /organizations/{id}`."""

    organization: OrganizationChanges


class Membership(msgspec.Struct, frozen=True):
    """What the caller is in an organization."""

    role: str
    membership_type: str = "internal"


class DefaultTeam(msgspec.Struct, frozen=True):
    """The team that what names no team belongs to."""

    id: UUID
    org_id: UUID
    name: str


class Organization(msgspec.Struct, frozen=True):
    """An organization as one person sees it; strangers see no membership and no team."""

    id: UUID
    name: str
    display_name: str
    mission: str | None
    website_url: str | None
    avatar_path: str | None
    join_policy: str
    visibility: str
    source_policy: str
    actor_type_policy: str
    membership: Membership | None
    membership_type: str | None = msgspec.field(name="membershipType")
    user_role: str | None = msgspec.field(name="userRole")
    default_team: DefaultTeam | None
    join_request_pending: bool
    created_at: datetime
    last_updated: datetime


# The context of a request that runs in no organization. Nobody is its member, and it never changes.
PERSONAL = Organization(
    id=PERSONAL_CONTEXT,
    name="all",
    display_name="all",
    mission=None,
    website_url=None,
    avatar_path=None,
    join_policy="invite_only",
    visibility="public",
    source_policy="any",
    actor_type_policy="any",
    membership=None,
    membership_type=None,
    user_role=None,
    default_team=DefaultTeam(PERSONAL_CONTEXT, PERSONAL_CONTEXT, "all"),
    join_request_pending=False,
    created_at=datetime.fromtimestamp(0, UTC),
    last_updated=datetime.fromtimestamp(0, UTC),
)


def wire_organization(row: asyncpg.Record) -> Organization:
    """An organization from a row of `show_organizations`."""
    is_member = row["role"] is not None
    return Organization(
        id=row["id"],
        name=row["slug"],
        display_name=row["name"],
        mission=row["mission"],
        website_url=row["website_url"],
        avatar_path=row["avatar_path"],
        join_policy=row["join_policy"],
        visibility=row["visibility"],
        source_policy=row["source_policy"],
        actor_type_policy=row["actor_type_policy"],
        membership=Membership(row["role"]) if is_member else None,
        membership_type="internal" if is_member else None,
        user_role=row["role"],
        default_team=DefaultTeam(row["team_id"], row["id"], row["team_name"]) if row["team_id"] else None,
        join_request_pending=row["has_join_request"],
        created_at=row["created_on"],
        last_updated=row["updated_on"],
    )
