"""What the operator does to organizations and members with `hallmarket admin`, without a role in them."""

from uuid import UUID

import asyncpg

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Refusal
from hallmarket.server.identity.members import delete_member, insert_member, update_role
from hallmarket.server.identity.organizations import apply_changes
from hallmarket.server.identity.profile import get_person_id
from hallmarket.server.identity.provisioning import normalize_name
from hallmarket.server.identity.types import OrganizationChanges
from hallmarket.server.principal import OPERATOR

sql = load_queries(__package__)


async def list_organizations(connection: Connection) -> list[asyncpg.Record]:
    """List every organization, oldest first, with the number of its members."""
    return list(await connection.fetch(sql.list_organizations))


async def list_users(connection: Connection, organization_id: UUID | None) -> list[asyncpg.Record]:
    """List all people or the members of one organization, oldest first, with their roles.

    Raises Refusal if the organization does not exist.
    """
    if organization_id is not None and await connection.fetchrow(sql.find_organization, organization_id) is None:
        raise Refusal(f"There is no organization {organization_id}.")
    return list(await connection.fetch(sql.list_users, organization_id))


async def rename_organization(connection: Connection, organization_id: UUID, name: str) -> None:
    """Change an organization's display name. Raises NotFound, Refusal for an invalid name."""
    changes = OrganizationChanges(display_name=normalize_name(name))
    async with connection.transaction():
        await apply_changes(connection, OPERATOR, organization_id, changes)


async def add_member(connection: Connection, organization_id: UUID, username: str, role: str) -> None:
    """Make a person a member. Raises Refusal if the organization does not exist, NotFound, Duplicate."""
    async with connection.transaction():
        person_id = await _lock(connection, organization_id, username)
        await insert_member(connection, OPERATOR, organization_id, person_id, role)


async def change_role(connection: Connection, organization_id: UUID, username: str, role: str) -> None:
    """Change a member's role. Raises Refusal if the organization does not exist, NotFound, LastAdministrator."""
    async with connection.transaction():
        person_id = await _lock(connection, organization_id, username)
        await update_role(connection, OPERATOR, organization_id, person_id, role)


async def remove_member(connection: Connection, organization_id: UUID, username: str) -> None:
    """Remove a member and revoke their keys that are bound to the organization.

    Raises Refusal if the organization does not exist, NotFound, LastAdministrator.
    """
    async with connection.transaction():
        person_id = await _lock(connection, organization_id, username)
        await delete_member(connection, OPERATOR, organization_id, person_id)


async def _lock(connection: Connection, organization_id: UUID, username: str) -> UUID:
    """Lock an organization and return a person's id. Raises Refusal, NotFound."""
    if await connection.fetchrow(sql.lock_organization, organization_id) is None:
        raise Refusal(f"There is no organization {organization_id}.")
    return await get_person_id(connection, username)
