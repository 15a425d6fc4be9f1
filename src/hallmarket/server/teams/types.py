"""Teams, their members, requests and bans, as the exchange dialect shows them."""

import re
from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.identity.types import WireProfile, wire_profile

Role = Literal["read", "write", "admin"]
DefaultRole = Literal["read", "write"]
JoinStatus = Literal["joined", "pending", "banned", "none"]
ASSET_TYPES = ("dataset", "file", "post", "comment", "service", "route", "quest", "conversation")
MEMBERSHIP_TYPE = "internal"  # the only type: members of the organization

SLUG = re.compile(r"^[a-z0-9]+(-[a-z0-9]+)*$")
TeamName = Annotated[str, msgspec.Meta(pattern=SLUG.pattern, max_length=64)]


class RichText(msgspec.Struct, frozen=True):
    """A text as rich-text editors send it. `text` is its Markdown source."""

    text: Annotated[str, msgspec.Meta(max_length=10_000)]


Description = Annotated[str, msgspec.Meta(max_length=10_000)] | RichText


def read_description(given: Description | None) -> str | None:
    """Return the Markdown of a description."""
    return given.text if isinstance(given, RichText) else given


class WireTeamOrganization(msgspec.Struct, frozen=True):
    """The organization inside a team, with the policies that the team inherits if its own are null."""

    id: UUID
    name: str
    display_name: str
    visibility: str
    join_policy: str
    source_policy: str
    actor_type_policy: str


class WireMembership(msgspec.Struct, frozen=True):
    """A person's membership in a team."""

    user_id: UUID
    role: str
    membership_type: str
    added_at: datetime


class WireMember(msgspec.Struct, frozen=True):
    """A member of a team."""

    user_id: UUID
    user: WireProfile
    role: str
    membership_type: str
    added_at: datetime


def wire_member(row: asyncpg.Record) -> WireMember:
    """Make a member from a row of `list_members`."""
    return WireMember(row["person_id"], wire_profile(row), row["role"], MEMBERSHIP_TYPE, row["created_on"])


class WireJoinRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request to join a team. `reviewed_at` is present once it is decided."""

    id: UUID
    team_id: UUID
    user_id: UUID
    status: str
    created_at: datetime
    reviewed_at: datetime | None = None
    user: WireProfile | None = None


class WireBan(msgspec.Struct, frozen=True):
    """A person who is banned from a team."""

    id: UUID
    team_id: UUID
    user_id: UUID
    user: WireProfile
    reason: str | None
    created_at: datetime


class WireTeam(msgspec.Struct, frozen=True, omit_defaults=True):
    """A team as the caller sees it. A null policy is inherited from the organization. `members` are optional."""

    id: UUID
    name: str
    slug: str
    org_id: UUID
    organization: WireTeamOrganization
    visibility: str
    default_role: str
    join_policy: str | None
    source_policy: str | None
    actor_type_policy: str | None
    description: str | None
    is_default: bool
    member_count: int = msgspec.field(name="memberCount")
    user_membership: WireMembership | None = msgspec.field(name="userMembership")
    user_join_request: WireJoinRequest | None = msgspec.field(name="userJoinRequest")
    join_status: JoinStatus = msgspec.field(name="joinStatus")
    join_request_pending: bool
    can_moderate: bool = msgspec.field(name="canModerate")
    metrics: dict[str, int]
    created_at: datetime
    last_updated: datetime
    members: list[WireMember] | msgspec.UnsetType = msgspec.UNSET


def wire_team(
    row: asyncpg.Record, person_id: UUID, members: list[WireMember] | msgspec.UnsetType = msgspec.UNSET
) -> WireTeam:
    """Make a team from a row of `list_teams`, as the person for whom it was queried sees it."""
    pending = row["request_status"] == "pending"
    status: JoinStatus = "joined" if row["role"] else "banned" if row["is_banned"] else "pending" if pending else "none"
    membership = request = None
    if row["role"]:
        membership = WireMembership(person_id, row["role"], MEMBERSHIP_TYPE, row["added_on"])
    if row["request_id"]:
        state = (row["request_status"], row["requested_on"], row["decided_on"])
        request = WireJoinRequest(row["request_id"], row["id"], person_id, *state)
    return WireTeam(
        id=row["id"],
        name=row["name"],
        slug=row["name"],
        org_id=row["organization_id"],
        organization=WireTeamOrganization(
            id=row["organization_id"],
            name=row["organization_slug"],
            display_name=row["organization_name"],
            visibility=row["organization_visibility"],
            join_policy=row["organization_join_policy"],
            source_policy=row["organization_source_policy"],
            actor_type_policy=row["organization_actor_type_policy"],
        ),
        visibility=row["visibility"],
        default_role=row["default_role"],
        join_policy=row["join_policy"],
        source_policy=row["source_policy"],
        actor_type_policy=row["actor_type_policy"],
        description=row["description"],
        is_default=row["is_default"],
        member_count=row["member_count"],
        user_membership=membership,
        user_join_request=request,
        join_status=status,
        join_request_pending=pending,
        can_moderate=row["is_moderator"],
        metrics={},
        created_at=row["created_on"],
        last_updated=row["updated_on"],
        members=members,
    )
