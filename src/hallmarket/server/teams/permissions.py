"""The caller's rights in a team: who may see it, change it and moderate it.

Rights are read from the database with every request. A change first locks the team.
"""

from uuid import UUID

import asyncpg

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Forbidden, NotFound
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


async def get_team_and_role(connection: Connection, principal: Principal, team_id: UUID) -> asyncpg.Record:
    """Return a team that the caller may see, and the caller's role in it. Raises NotFound."""
    team = await connection.fetchrow(sql.find_team_and_role, team_id, principal.person_id, principal.organization_id)
    if team is None:
        raise NotFound("There is no such team.")
    return team


def require_organization_member(principal: Principal, team: asyncpg.Record) -> None:
    """Raises Forbidden unless the caller is a member of the team's organization and acts in it."""
    principal.require_organization(team["organization_id"])
    if not team["is_organization_member"]:
        raise Forbidden("You are not a member of this team's organization, or this request acts in another one.")


def require_moderator(principal: Principal, team: asyncpg.Record) -> None:
    """Raises Forbidden unless the caller is an administrator of the team or of its organization."""
    require_organization_member(principal, team)
    if not team["is_moderator"]:
        raise Forbidden("Only administrators of the team or of its organization may do this.")


def protect_organization_admin(team: asyncpg.Record, target: asyncpg.Record) -> None:
    """Raises Forbidden if the target is an administrator of the organization and the caller is not."""
    if target["is_organization_admin"] and not team["is_organization_admin"]:
        raise Forbidden("Only administrators of the organization may do this to one of its administrators.")


async def lock_team(tx: Connection, principal: Principal, team_id: UUID) -> asyncpg.Record:
    """Lock a team against other changes until the transaction ends, for a member of its organization.

    Raises NotFound, Forbidden.
    """
    await tx.execute(sql.lock_team, team_id)
    # A separate statement, so that it sees what other transactions committed while this one waited for the lock.
    team = await get_team_and_role(tx, principal, team_id)
    require_organization_member(principal, team)
    return team


async def lock_as_moderator(tx: Connection, principal: Principal, team_id: UUID) -> asyncpg.Record:
    """Lock a team as `lock_team` does, for a moderator. Raises NotFound, Forbidden."""
    team = await lock_team(tx, principal, team_id)
    require_moderator(principal, team)
    return team
