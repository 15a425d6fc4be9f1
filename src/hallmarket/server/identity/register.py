"""Make organizations and people, and what a first start needs."""

import re
from collections.abc import Sequence
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Duplicate, Refusal
from hallmarket.server.identity.keys import create_key
from hallmarket.server.identity.types import MAX_NAME_LENGTH, NewKey
from hallmarket.server.principal import OPERATOR, Principal

sql = load_queries(__package__)

NO_TEXT = re.compile("[\0\ud800-\udfff]")  # what an argument that is no UTF-8 becomes, and what no database takes


class FirstStart(msgspec.Struct, frozen=True):
    """What a first start made: one organization, its administrator, and a key that is shown this once."""

    organization: UUID
    username: str
    key: NewKey


def tidy_name(name: str) -> str:
    """An organization's name for people. Raises Refusal for one that is empty, too long, or no text."""
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME_LENGTH or NO_TEXT.search(name):
        raise Refusal(f"An organization needs a name: text of at most {MAX_NAME_LENGTH} characters, without NUL.")
    return name


async def create_organization(
    connection: Connection,
    name: str,
    website_url: str | None = None,
    *,
    slug: str | None = None,
    principal: Principal = OPERATOR,
) -> UUID:
    """Make an organization; its slug is made of the name unless given.

    Raises Refusal for a name that is none, Duplicate for a given slug that is taken.
    """
    name = tidy_name(name)
    organization_id = new_id()
    async with connection.transaction():
        made = await connection.fetchval(sql.create_organization, organization_id, name, website_url, slug)
        if made is None and slug is not None:
            raise Duplicate(f"The name {slug!r} is taken.")
        if made is None:
            made = await connection.fetchval(sql.create_organization_with_suffix, organization_id, name, website_url)
        await record(
            connection,
            principal,
            "organization.create",
            organization_id=organization_id,
            subject_id=organization_id,
            name=made,
            display_name=name,
        )
    return organization_id


async def create_membership(
    tx: Connection, principal: Principal, organization_id: UUID, person_id: UUID, role: str
) -> bool:
    """Make a person a member, inside a transaction; whether they were none before."""
    if await tx.fetchval(sql.create_membership, organization_id, person_id, role) is None:
        return False
    await tx.execute(sql.delete_join_request_of_member, organization_id, person_id)
    await record(tx, principal, "member.add", organization_id=organization_id, subject_id=person_id, role=role)
    return True


async def create_person(
    connection: Connection,
    username: str,
    *,
    organization_id: UUID | None = None,
    role: str = "member",
    firstname: str | None = None,
    lastname: str | None = None,
    email: str | None = None,
) -> UUID:
    """Make a person, and their membership if an organization is given.

    Raises Refusal if the name is taken or malformed, or the organization unknown.
    """
    person_id = new_id()
    try:
        async with connection.transaction():
            await connection.fetchval(sql.create_person, person_id, username, firstname, lastname, email)
            await record(
                connection, OPERATOR, "user.create", person_id=person_id, subject_id=person_id, username=username
            )
            if organization_id is not None:
                await create_membership(connection, OPERATOR, organization_id, person_id, role)
    except asyncpg.UniqueViolationError:
        raise Refusal(f"The username {username!r} is taken.") from None
    except asyncpg.CheckViolationError:
        raise Refusal(
            f"{username!r} is no username: up to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter or digit; "
            "no UUID, and neither 'search' nor 'get-token', which mean something else in addresses."
        ) from None
    except asyncpg.ForeignKeyViolationError:
        raise Refusal(f"There is no organization {organization_id}.") from None
    except asyncpg.DataError:
        raise Refusal("Names and addresses are text without NUL.") from None
    return person_id


async def first_start(connection: Connection, secret: bytes, scopes: Sequence[str]) -> FirstStart | None:
    """On an empty registry make an organization, an administrator and a key; later starts make nothing."""
    async with connection.transaction():
        await connection.execute(sql.lock_first_start)
        if await connection.fetchval(sql.count_organizations):
            return None
        organization_id = await create_organization(connection, "My organization")
        await create_person(connection, "admin", organization_id=organization_id, role="admin")
        key = await create_key(
            connection,
            secret,
            "admin",
            organization_id=organization_id,
            name="first start",
            scopes=scopes,
            known_scopes=scopes,
        )
        return FirstStart(organization=organization_id, username="admin", key=key)
