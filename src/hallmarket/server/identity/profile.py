"""Profiles: a person as others see them, and the fields that people change themselves."""

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated
from uuid import UUID

import asyncpg
import msgspec
from msgspec import UNSET, UnsetType

from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest, NotFound, Unauthenticated
from hallmarket.server.http.parameters import UUID_PATTERN
from hallmarket.server.identity.types import Me
from hallmarket.server.principal import Principal

sql = load_queries(__package__)

PLAN = "self-hosted"
USERNAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
MAX_NAME_LENGTH = 200
MAX_BIO_LENGTH = 4000


class Profile(msgspec.Struct, frozen=True):
    """The exchange reference's User, as the caller sees them. `id` and `user_id` are the same."""

    id: UUID
    user_id: UUID
    username: str
    name: str | None
    avatar_path: str | None
    bio: str | None
    actor_type: str
    plan_type: str
    created_at: datetime
    last_active: datetime | None
    followers: int
    following: int
    is_self: bool = msgspec.field(name="isSelf")
    is_following: bool = msgspec.field(name="isFollowing")
    is_followed: bool = msgspec.field(name="isFollowed")


class ProfileFields(msgspec.Struct, frozen=True):
    """The fields that people can change. A missing field is not changed; null clears it."""

    name: str | UnsetType | None = UNSET
    bio: Annotated[str, msgspec.Meta(max_length=MAX_BIO_LENGTH)] | UnsetType | None = UNSET


class ProfileChange(msgspec.Struct, frozen=True):
    """The body of `PUT /user/profile`."""

    user: ProfileFields


async def get_person_id(connection: Connection, name_or_id: str) -> UUID:
    """Return the id of the person with this username, in any case, or this id. Raises NotFound."""
    name = name_or_id.lower()
    person_id = None
    if USERNAME.fullmatch(name):  # every UUID matches too
        person_id = await connection.fetchval(
            sql.find_person_by_name_or_id, name, UUID(name) if UUID_PATTERN.fullmatch(name) else None
        )
    if person_id is None:
        raise NotFound("There is no such user.")
    assert isinstance(person_id, UUID)
    return person_id


def get_me(principal: Principal) -> Me:
    """Return the person who acts. Raises Unauthenticated if nobody does."""
    person_id, person = principal.person_id, principal.person
    assert person is not None
    return Me(person_id, person_id, person.username, person.name, person.email)


async def list_profiles(connection: Connection, principal: Principal, people: Sequence[UUID]) -> list[Profile]:
    """Return the profiles of the given people as the caller sees them, in the given order."""
    return [_profile(row) for row in await connection.fetch(sql.list_profiles, principal.person_id, people)]


async def get_profile(database: Database, principal: Principal, name_or_id: str) -> Profile:
    """Return a person's profile, by username or id, as the caller sees it. Raises NotFound, Unavailable."""
    async with database.connection() as connection:
        person_id = await get_person_id(connection, name_or_id)
        (profile,) = await list_profiles(connection, principal, [person_id])
    return profile


async def get_own_profile(database: Database, principal: Principal) -> Profile:
    """Return the caller's profile. Raises Unauthenticated if the caller's account is deleted, Unavailable."""
    async with database.connection() as connection:
        profiles = await list_profiles(connection, principal, [principal.person_id])
    if not profiles:
        raise Unauthenticated("The account of this token no longer exists.")
    return profiles[0]


async def change_profile(database: Database, principal: Principal, change: ProfileFields) -> Profile:
    """Change the caller's name or bio. Raises InvalidRequest for a name that is too long, Unavailable."""
    firstname, lastname = (None, None) if isinstance(change.name, UnsetType) else _split_name(change.name)
    bio = None if isinstance(change.bio, UnsetType) else change.bio or None
    async with database.connection() as connection:
        await connection.execute(
            sql.update_profile,
            *(principal.person_id, change.name is not UNSET, firstname, lastname),
            *(change.bio is not UNSET, bio),
        )
    return await get_own_profile(database, principal)


def _split_name(name: str | None) -> tuple[str | None, str | None]:
    """Split a name into its first word and the rest, which the media dialect shows as first and last name."""
    first, _, rest = " ".join((name or "").split()).partition(" ")
    if len(first) + len(rest) > MAX_NAME_LENGTH:
        raise InvalidRequest(f"name may have at most {MAX_NAME_LENGTH} characters.", "name")
    return first or None, rest or None


def _profile(row: asyncpg.Record) -> Profile:
    return Profile(
        id=row["id"],
        user_id=row["id"],
        username=row["username"],
        name=row["name"],
        avatar_path=row["profile_picture"],
        bio=row["bio"],
        actor_type=row["actor_type"],
        plan_type=PLAN,
        created_at=row["created_on"],
        last_active=row["last_active_on"],
        followers=row["followers"],
        following=row["following"],
        is_self=row["is_self"],
        is_following=row["is_following"],
        is_followed=row["is_followed"],
    )
