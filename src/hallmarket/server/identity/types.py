"""People, organizations and API keys, as other rooms and both dialects see them."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
import msgspec
from msgspec import UNSET, Meta, UnsetType

from hallmarket.server.principal import PERSONAL_CONTEXT

MAX_NAME_LENGTH = 200  # of an organization, in characters

# A `$` alone would also match before a newline at the end. "all" is the name of the personal context.
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


def iso_time(moment: datetime) -> str:
    """Return a time in UTC as ISO 8601 with six decimals and `+00:00`, as the media reference writes it."""
    return moment.isoformat(timespec="microseconds")


class Me(msgspec.Struct, frozen=True):
    """The caller, as `GET /user` shows them."""

    id: UUID
    user_id: UUID
    username: str
    name: str | None
    email: str | None


class WireProfile(msgspec.Struct, frozen=True):
    """A person inside another object of the exchange dialect."""

    user_id: UUID
    username: str
    name: str | None
    avatar_path: str | None
    actor_type: str


def wire_profile(row: asyncpg.Record) -> WireProfile:
    """Make a profile from a row with `person_id`, `username`, `name`, `profile_picture` and `actor_type`."""
    return WireProfile(row["person_id"], row["username"], row["name"], row["profile_picture"], row["actor_type"])


class NewKey(msgspec.Struct, frozen=True):
    """A new API key. `key` is the key itself, which is not stored anywhere."""

    id: UUID
    key: str
    prefix: str
    name: str
    scopes: list[str]
    organization: UUID | None
    created: datetime
    expires: datetime | None


class WireOrganization(msgspec.Struct, frozen=True, rename="camel"):
    """The organization inside a USER_MODEL."""

    id: UUID
    name: str
    website_url: str | None
    created_on: str


class WireUser(msgspec.Struct, frozen=True, rename="camel"):
    """The media reference's USER_MODEL."""

    id: UUID
    firstname: str | None
    lastname: str | None
    created_on: str
    profile_picture: str | None
    organization: WireOrganization


def wire_user(row: asyncpg.Record) -> WireUser:
    """Make a USER_MODEL from a row of `list_people` or `list_creators`."""
    return WireUser(
        id=row["id"],
        firstname=row["firstname"],
        lastname=row["lastname"],
        created_on=iso_time(row["created_on"]),
        profile_picture=row["profile_picture"],
        organization=WireOrganization(
            id=row["organization_id"],
            name=row["organization_name"],
            website_url=row["website_url"],
            created_on=iso_time(row["organization_created_on"]),
        ),
    )


class OrganizationChanges(msgspec.Struct, frozen=True):
    """The fields that administrators can change. A missing field is not changed; null clears it."""

    display_name: DisplayName | UnsetType = UNSET
    mission: Mission | UnsetType | None = UNSET
    website_url: Website | UnsetType | None = UNSET
    avatar_path: Address | UnsetType | None = UNSET
    join_policy: JoinPolicy | UnsetType = UNSET
    visibility: Visibility | UnsetType = UNSET
    source_policy: SourcePolicy | UnsetType = UNSET
    actor_type_policy: ActorTypePolicy | UnsetType = UNSET


class NewOrganization(OrganizationChanges, frozen=True):
    """A new organization. `name` is its slug, derived from `display_name` if missing; one of the two is required."""

    name: Slug | UnsetType = UNSET


class CreateOrganization(msgspec.Struct, frozen=True):
    """The body of `POST /organizations/create`."""

    organization: NewOrganization


class UpdateOrganization(msgspec.Struct, frozen=True):
    """The body of `PUT /organizations/{id}`."""

    organization: OrganizationChanges


class Membership(msgspec.Struct, frozen=True):
    """The caller's membership in an organization."""

    role: str
    membership_type: str = "internal"


class DefaultTeam(msgspec.Struct, frozen=True):
    """The team of everything that names no team."""

    id: UUID
    org_id: UUID
    name: str


class Organization(msgspec.Struct, frozen=True):
    """An organization as the caller sees it. Only members see a membership and the default team."""

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


# The personal context, in the form of an organization. It has no members and never changes.
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
    """Make an organization from a row of `get_organizations`."""
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
