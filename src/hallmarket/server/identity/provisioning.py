"""Create organizations, people and memberships."""

import re
from uuid import UUID

import asyncpg

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Duplicate, Refusal
from hallmarket.server.identity.types import MAX_NAME_LENGTH
from hallmarket.server.principal import OPERATOR, Principal

sql = load_queries(__package__)

# NUL, which PostgreSQL does not store, and surrogates, which an argument that is not UTF-8 turns into.
UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def normalize_name(name: str) -> str:
    """Strip an organization's display name. Raises Refusal if it is empty, too long or not valid text."""
    name = name.strip()
    if not 0 < len(name) <= MAX_NAME_LENGTH or UNSTORABLE.search(name):
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
    """Create an organization and return its id. The slug is derived from the name if it is not given.

    Raises Refusal for an invalid name, Duplicate if the given slug is taken.
    """
    name = normalize_name(name)
    organization_id = new_id()
    async with connection.transaction():
        created = await connection.fetchval(sql.create_organization, organization_id, name, website_url, slug)
        if created is None and slug is not None:
            raise Duplicate(f"The name {slug!r} is taken.")
        if created is None:
            created = await connection.fetchval(sql.create_organization_with_suffix, organization_id, name, website_url)
        await record(
            connection,
            principal,
            "organization.create",
            organization_id=organization_id,
            subject_id=organization_id,
            name=created,
            display_name=name,
        )
    return organization_id


async def create_membership(
    tx: Connection, principal: Principal, organization_id: UUID, person_id: UUID, role: str
) -> bool:
    """Make a person a member. Returns false if they are one already."""
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
    """Create a person as the operator, and their membership if an organization is given. Returns the person's id.

    Raises Refusal if the username is taken or invalid, or the organization is unknown.
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
            f"{username!r} is not a valid username: up to 64 of a-z, 0-9, '.', '_' and '-', beginning with a letter or "
            "digit. A UUID, 'search' and 'get-token' are reserved."
        ) from None
    except asyncpg.ForeignKeyViolationError:
        raise Refusal(f"There is no organization {organization_id}.") from None
    except asyncpg.DataError:
        raise Refusal("Names and addresses must be text without NUL.") from None
    return person_id
