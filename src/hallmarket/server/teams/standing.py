"""A team, and what the caller is to it: asked in SQL at every request, and under the team's lock before a change."""

from uuid import UUID

import asyncpg

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Forbidden, NotFound
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


async def find_standing(connection: Connection, principal: Principal, team_id: UUID) -> asyncpg.Record:
    """A team the caller may see, and what they are to it. Raises NotFound."""
    team = await connection.fetchrow(sql.find_team_and_role, team_id, principal.person_id, principal.organization_id)
    if team is None:
        raise NotFound("There is no such team.")
    return team


def require_belonging(principal: Principal, team: asyncpg.Record) -> None:
    """Raises Forbidden unless the caller is in the team's organization, and the request may reach it."""
    principal.require_organization(team["organization_id"])
    if not team["is_organization_member"]:
        raise Forbidden("This team's organization is none of yours, or not the one this request runs in.")


def require_moderator(principal: Principal, team: asyncpg.Record) -> None:
    """Raises Forbidden unless the caller is an administrator of the team or of its organization."""
    require_belonging(principal, team)
    if not team["is_moderator"]:
        raise Forbidden("Only administrators of the team or of its organization may do this.")


async def lock_team(tx: Connection, principal: Principal, team_id: UUID) -> asyncpg.Record:
    """The team, for a member of its organization to change; nobody else changes it until the transaction ends.

    Raises NotFound, Forbidden.
    """
    await tx.execute(sql.lock_team, team_id)
    # A statement of its own: it sees what was committed while the lock was waited for.
    team = await find_standing(tx, principal, team_id)
    require_belonging(principal, team)
    return team


async def lock_moderated(tx: Connection, principal: Principal, team_id: UUID) -> asyncpg.Record:
    """As `lock_team`, for a moderator. Raises NotFound, Forbidden."""
    team = await lock_team(tx, principal, team_id)
    require_moderator(principal, team)
    return team


def require_other(team: asyncpg.Record, target: asyncpg.Record) -> None:
    """Raises Forbidden if an administrator of the organization is to be dealt with by one of the team alone."""
    if target["is_organization_admin"] and not team["is_organization_admin"]:
        raise Forbidden("Only administrators of the organization may do this to one of them.")
