"""What an operator does to organizations and their members by command; the right to it is the machine's."""

from uuid import UUID

import asyncpg

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Refusal
from hallmarket.server.identity.members import add_member, remove_member, set_role
from hallmarket.server.identity.organization_types import OrganizationChanges
from hallmarket.server.identity.organizations import change
from hallmarket.server.identity.profile import find_someone
from hallmarket.server.identity.register import tidy_name
from hallmarket.server.principal import OPERATOR

sql = load_queries(__package__)


async def list_organizations(connection: Connection) -> list[asyncpg.Record]:
    """Every organization, oldest first, with the number of its members."""
    return list(await connection.fetch(sql.list_organizations))


async def list_users(connection: Connection, organization_id: UUID | None) -> list[asyncpg.Record]:
    """Everybody, or the members of one organization, oldest first, with their roles. Raises Refusal for none such."""
    if organization_id is not None and await connection.fetchrow(sql.find_organization, organization_id) is None:
        raise Refusal(f"There is no organization {organization_id}.")
    return list(await connection.fetch(sql.list_users, organization_id))


async def rename_organization(connection: Connection, organization_id: UUID, name: str) -> None:
    """Change an organization's name for people. Raises NotFound, Refusal for a name that is none."""
    wanted = OrganizationChanges(display_name=tidy_name(name))
    async with connection.transaction():
        await change(connection, OPERATOR, organization_id, wanted)


async def add(connection: Connection, organization_id: UUID, username: str, role: str) -> None:
    """Make somebody a member. Raises NotFound, Duplicate."""
    async with connection.transaction():
        await add_member(
            connection, OPERATOR, organization_id, await _lock(connection, organization_id, username), role
        )


async def give_role(connection: Connection, organization_id: UUID, username: str, role: str) -> None:
    """Give a member another role. Raises NotFound, LastAdministrator."""
    async with connection.transaction():
        await set_role(connection, OPERATOR, organization_id, await _lock(connection, organization_id, username), role)


async def remove(connection: Connection, organization_id: UUID, username: str) -> None:
    """Take somebody out, and end their keys bound to the organization. Raises NotFound, LastAdministrator."""
    async with connection.transaction():
        await remove_member(connection, OPERATOR, organization_id, await _lock(connection, organization_id, username))


async def _lock(connection: Connection, organization_id: UUID, username: str) -> UUID:
    """Lock an organization, and find a person's id."""
    if await connection.fetchrow(sql.lock_organization, organization_id) is None:
        raise Refusal(f"There is no organization {organization_id}.")
    return await find_someone(connection, username)
