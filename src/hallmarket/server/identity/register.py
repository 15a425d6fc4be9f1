"""Make organizations and people, and what a first start needs."""

from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.database.ids import new_id
from hallmarket.server.database.pool import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Refusal
from hallmarket.server.identity.keys import create_key
from hallmarket.server.identity.types import NewKey

sql = load_queries(__package__)


class FirstStart(msgspec.Struct, frozen=True):
    """What a first start made: one organization, its administrator, and a key that is shown this once."""

    organization: UUID
    username: str
    key: NewKey


async def create_organization(connection: Connection, name: str, website_url: str | None = None) -> UUID:
    """Make an organization. Raises Refusal if the name is empty."""
    if not name.strip() or "\0" in name:
        raise Refusal("An organization needs a name.")
    organization_id = new_id()
    await connection.fetchval(sql.create_organization, organization_id, name.strip(), website_url)
    return organization_id


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
            if organization_id is not None:
                await connection.execute(sql.create_membership, organization_id, person_id, role)
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


async def first_start(connection: Connection, secret: bytes) -> FirstStart | None:
    """On an empty registry make an organization, an administrator and a key; later starts make nothing."""
    async with connection.transaction():
        await connection.execute(sql.lock_first_start)
        if await connection.fetchval(sql.count_organizations):
            return None
        organization_id = await create_organization(connection, "My organization")
        await create_person(connection, "admin", organization_id=organization_id, role="admin")
        key = await create_key(connection, secret, "admin", organization_id=organization_id, name="first start")
        return FirstStart(organization=organization_id, username="admin", key=key)
