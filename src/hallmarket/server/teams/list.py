"""List and get teams."""

from uuid import UUID

import msgspec

from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import NotFound
from hallmarket.server.paging import Page, Window, make_page
from hallmarket.server.principal import Principal
from hallmarket.server.teams.types import WireTeam, wire_member, wire_team

sql = load_queries(__package__)

MAX_SHOWN_MEMBERS = 200


class TeamFilters(msgspec.Struct, frozen=True):
    """Which teams to list. None and false select all."""

    organization_id: UUID | None = None
    joined: bool = False
    public_only: bool = False


async def list_teams(database: Database, principal: Principal, filters: TeamFilters, window: Window) -> Page[WireTeam]:
    """List the teams that the caller may see: the default team first, then by name. Raises Unavailable."""
    chosen = (None, filters.organization_id, filters.joined, filters.public_only)
    async with database.connection() as connection:
        rows = await connection.fetch(
            sql.list_teams, principal.person_id, principal.organization_id, *chosen, window.offset, window.limit + 1
        )
    return make_page(window, rows, lambda row: wire_team(row, principal.person_id))


async def get_team(
    database: Database, principal: Principal, team_id: UUID, *, include_members: bool = False
) -> WireTeam:
    """Return a team that the caller may see.

    `include_members` adds its first MAX_SHOWN_MEMBERS members, if the caller is a member of its organization. Raises
    NotFound, Unavailable.
    """
    async with database.connection() as connection:
        return await load_team(connection, principal, team_id, include_members=include_members)


async def load_team(
    connection: Connection, principal: Principal, team_id: UUID, *, include_members: bool = False
) -> WireTeam:
    """Do what `get_team` does, on a given connection. Raises NotFound."""
    chosen = (team_id, None, False, False)
    row = await connection.fetchrow(sql.list_teams, principal.person_id, principal.organization_id, *chosen, 0, 1)
    if row is None:
        raise NotFound("There is no such team.")
    if not (include_members and row["is_organization_member"]):
        return wire_team(row, principal.person_id)
    members = await connection.fetch(sql.list_members, team_id, None, 0, MAX_SHOWN_MEMBERS)
    return wire_team(row, principal.person_id, [wire_member(member) for member in members])
