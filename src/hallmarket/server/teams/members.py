"""List, add and remove a team's members, and change their roles: what the official client has no methods for."""

from uuid import UUID

import msgspec

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Conflict, Duplicate, NotFound
from hallmarket.server.http.exchange_dialect import Paged, page_of
from hallmarket.server.paging import Window
from hallmarket.server.principal import Principal
from hallmarket.server.teams.enter import check_admin_remains, enter, find_person, tell
from hallmarket.server.teams.standing import find_standing, lock_moderated, require_belonging, require_other
from hallmarket.server.teams.types import Role, WireMember, wire_member

sql = load_queries(__package__)


class NewMember(msgspec.Struct, frozen=True):
    """The body of `POST /teams/{id}/members`; without a role it is the team's default."""

    user_id: UUID
    role: Role | None = None


class NewRole(msgspec.Struct, frozen=True):
    """The body of `PUT /teams/{id}/members/{user_id}`."""

    role: Role


async def list_members(database: Database, principal: Principal, team_id: UUID, window: Window) -> Paged[WireMember]:
    """A team's members, administrators first, for those of its organization. Raises NotFound, Forbidden."""
    async with database.connection() as connection:
        require_belonging(principal, await find_standing(connection, principal, team_id))
        rows = await connection.fetch(sql.list_members, team_id, None, window.offset, window.limit + 1)
    return page_of(window, rows, wire_member)


async def add_member(database: Database, principal: Principal, team_id: UUID, wanted: NewMember) -> WireMember:
    """Add somebody of the organization to a team, for its moderators.

    Raises NotFound, Forbidden, Duplicate for who is in it, Conflict for who is banned.
    """
    async with database.transaction() as tx:
        team = await lock_moderated(tx, principal, team_id)
        person = await find_person(tx, team_id, wanted.user_id)
        if person["role"] is not None:
            raise Duplicate("They are in the team already.")
        if person["is_banned"]:
            raise Conflict("They are banned from this team; lift the ban first.")
        role = await enter(tx, team_id, wanted.user_id, wanted.role, principal.person_id)
        whose = {"organization_id": team["organization_id"], "subject_id": wanted.user_id}
        await record(tx, principal, "team-member.add", **whose, team=team_id, role=role)
        await tell(tx, team, [wanted.user_id], principal.person_id, f"You were added to the team {team['name']}.")
        return await _get_member(tx, team_id, wanted.user_id)


async def change_role(
    database: Database, principal: Principal, team_id: UUID, person_id: UUID, role: Role
) -> WireMember:
    """Change what a member may do in a team, for its moderators.

    Raises NotFound, Forbidden, Conflict for the last administrator.
    """
    async with database.transaction() as tx:
        team = await lock_moderated(tx, principal, team_id)
        person = await find_person(tx, team_id, person_id)
        if person["role"] is None:
            raise NotFound("They are not in this team.")
        if role != person["role"]:
            require_other(team, person)
            await check_admin_remains(tx, team_id, person["role"])
            await tx.execute(sql.change_role, team_id, person_id, role)
            whose = {"organization_id": team["organization_id"], "subject_id": person_id}
            await record(tx, principal, "team-member.role", **whose, team=team_id, role=role)
        return await _get_member(tx, team_id, person_id)


async def remove_member(database: Database, principal: Principal, team_id: UUID, person_id: UUID) -> None:
    """Put a member out of a team, for its moderators; they may come back as the team's policy has it.

    Raises NotFound, Forbidden, Conflict for the default team and for the last administrator.
    """
    async with database.transaction() as tx:
        team = await lock_moderated(tx, principal, team_id)
        person = await find_person(tx, team_id, person_id)
        if person["role"] is None:
            raise NotFound("They are not in this team.")
        if team["is_default"]:
            raise Conflict("Everybody in the organization is in its default team.")
        require_other(team, person)
        await check_admin_remains(tx, team_id, person["role"])
        await tx.fetchval(sql.delete_member, team_id, person_id)
        whose = {"organization_id": team["organization_id"], "subject_id": person_id}
        await record(tx, principal, "team-member.remove", **whose, team=team_id)


async def _get_member(tx: Connection, team_id: UUID, person_id: UUID) -> WireMember:
    row = await tx.fetchrow(sql.list_members, team_id, person_id, 0, 1)
    if row is None:
        raise NotFound("They are no longer in this team.")
    return wire_member(row)
