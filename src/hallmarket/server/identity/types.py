"""People, organizations and keys as the other rooms and the wire know them."""

from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

MAX_NAME_LENGTH = 200  # of an organization, in characters


class Me(msgspec.Struct, frozen=True):
    """A person as `GET /user` shows them to themselves."""

    id: UUID
    user_id: UUID
    username: str
    name: str | None
    email: str | None


class WireProfile(msgspec.Struct, frozen=True):
    """A person inside another object of the exchange."""

    user_id: UUID
    username: str
    name: str | None
    avatar_path: str | None
    actor_type: str


def wire_profile(row: asyncpg.Record) -> WireProfile:
    """The person of a row that has `person_id`, `username`, `name`, `profile_picture` and `actor_type`."""
    return WireProfile(row["person_id"], row["username"], row["name"], row["profile_picture"], row["actor_type"])


class NewKey(msgspec.Struct, frozen=True):
    """A key as it is shown, once: `key` itself is kept nowhere."""

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


def iso_time(moment: datetime) -> str:
    """ISO 8601 in UTC with six decimals and `+00:00`, as the media reference writes every time."""
    return moment.isoformat(timespec="microseconds")


def wire_user(row: asyncpg.Record) -> WireUser:
    """A USER_MODEL from a row of `list_people` or `list_creators`."""
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
