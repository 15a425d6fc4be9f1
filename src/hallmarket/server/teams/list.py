"""List and get teams."""

from uuid import UUID

import msgspec

from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import NotFound
from hallmarket.server.http.exchange_dialect import MAX_PAGE_SIZE, Paged, page_of, window_query
from hallmarket.server.http.parameters import FLAG_QUERY, ID_QUERY, read_flag, read_id
from hallmarket.server.paging import Window
from hallmarket.server.principal import Principal
from hallmarket.server.teams.types import WireTeam, wire_member, wire_team

sql = load_queries(__package__)
TEAM_QUERY = {"include_members": FLAG_QUERY | {"description": "With its first members."}}
LIST_QUERY = {
    "org_id": ID_QUERY | {"description": "Only of this organization; of the request's own without it."},
    "joined": FLAG_QUERY | {"description": "Only those you are in."},
    "public_only": FLAG_QUERY | {"description": "Only public ones."},
    **window_query(MAX_PAGE_SIZE),
}


class Filters(msgspec.Struct, frozen=True):
    """Which teams are wanted; null and False want all."""

    organization_id: UUID | None = None
    joined: bool = False
    public_only: bool = False


def read_filters(query: dict[str, str], principal: Principal) -> Filters:
    """`org_id`, or else the organization of the request, `joined` and `public_only`. Raises InvalidRequest."""
    organization_id = read_id(query["org_id"], "org_id") if "org_id" in query else principal.organization_id
    return Filters(organization_id, read_flag(query, "joined") is True, read_flag(query, "public_only") is True)


async def list_teams(database: Database, principal: Principal, filters: Filters, window: Window) -> Paged[WireTeam]:
    """The teams the caller may see: an organization's default team first, then by name. Raises Unavailable."""
    chosen = (None, filters.organization_id, filters.joined, filters.public_only)
    async with database.connection() as connection:
        rows = await connection.fetch(
            sql.list_teams, principal.person_id, principal.organization_id, *chosen, window.offset, window.limit + 1
        )
    return page_of(window, rows, lambda row: wire_team(row, principal.person_id))


async def get_team(
    connection: Connection, principal: Principal, team_id: UUID, *, include_members: bool = False
) -> WireTeam:
    """A team the caller may see; its first members if asked for by one of its organization. Raises NotFound."""
    chosen = (team_id, None, False, False)
    row = await connection.fetchrow(sql.list_teams, principal.person_id, principal.organization_id, *chosen, 0, 1)
    if row is None:
        raise NotFound("There is no such team.")
    if not (include_members and row["is_organization_member"]):
        return wire_team(row, principal.person_id)
    members = await connection.fetch(sql.list_members, team_id, None, 0, MAX_PAGE_SIZE)
    return wire_team(row, principal.person_id, [wire_member(member) for member in members])
