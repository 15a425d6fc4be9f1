"""Members of a team: list, add and remove them, and change their roles."""

from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Conflict, Duplicate, NotFound
from hallmarket.server.paging import Page, Window, make_page
from hallmarket.server.principal import Principal
from hallmarket.server.teams.notify import notify_about_team
from hallmarket.server.teams.permissions import (
    get_team_and_role,
    lock_as_moderator,
    protect_organization_admin,
    require_organization_member,
)
from hallmarket.server.teams.types import Role, WireMember, wire_member

sql = load_queries(__package__)


class NewMember(msgspec.Struct, frozen=True):
    """The body of `POST /teams/{id}/members`. The default role is the team's."""

    user_id: UUID
    role: Role | None = None


class NewRole(msgspec.Struct, frozen=True):
    """The body of `PUT /teams/{id}/members/{user_id}`."""

    role: Role


async def list_members(database: Database, principal: Principal, team_id: UUID, window: Window) -> Page[WireMember]:
    """List a team's members, administrators first, for members of its organization. Raises NotFound, Forbidden."""
    async with database.connection() as connection:
        require_organization_member(principal, await get_team_and_role(connection, principal, team_id))
        rows = await connection.fetch(sql.list_members, team_id, None, window.offset, window.limit + 1)
    return make_page(window, rows, wire_member)


async def add_member(database: Database, principal: Principal, team_id: UUID, new: NewMember) -> WireMember:
    """Add a member of the organization to a team that the caller moderates.

    Raises NotFound, Forbidden, Duplicate for a member of the team, Conflict for a banned person.
    """
    async with database.transaction() as tx:
        team = await lock_as_moderator(tx, principal, team_id)
        person = await get_person(tx, team_id, new.user_id)
        if person["role"] is not None:
            raise Duplicate("They are already a member of the team.")
        if person["is_banned"]:
            raise Conflict("They are banned from this team. Lift the ban first.")
        role = await insert_member(tx, principal, team_id, new.user_id, new.role)
        fields = {"organization_id": team["organization_id"], "subject_id": new.user_id}
        await record(tx, principal, "team-member.add", **fields, team=team_id, role=role)
        await notify_about_team(tx, principal, team, [new.user_id], f"You were added to the team {team['name']}.")
        return await _get_member(tx, team_id, new.user_id)


async def change_role(
    database: Database, principal: Principal, team_id: UUID, person_id: UUID, role: Role
) -> WireMember:
    """Change a member's role in a team that the caller moderates.

    Raises NotFound, Forbidden, Conflict for the last administrator.
    """
    async with database.transaction() as tx:
        team = await lock_as_moderator(tx, principal, team_id)
        person = await get_person(tx, team_id, person_id)
        if person["role"] is None:
            raise NotFound("They are not a member of this team.")
        if role != person["role"]:
            protect_organization_admin(team, person)
            await verify_administrator_remains(tx, team_id, person["role"])
            await tx.execute(sql.change_role, team_id, person_id, role)
            fields = {"organization_id": team["organization_id"], "subject_id": person_id}
            await record(tx, principal, "team-member.role", **fields, team=team_id, role=role)
        return await _get_member(tx, team_id, person_id)


async def remove_member(database: Database, principal: Principal, team_id: UUID, person_id: UUID) -> None:
    """Remove a member from a team that the caller moderates. They may join again as the team's policy allows.

    Raises NotFound, Forbidden, Conflict for the default team and for the last administrator.
    """
    async with database.transaction() as tx:
        team = await lock_as_moderator(tx, principal, team_id)
        person = await get_person(tx, team_id, person_id)
        if person["role"] is None:
            raise NotFound("They are not a member of this team.")
        if team["is_default"]:
            raise default_team_error()
        protect_organization_admin(team, person)
        await verify_administrator_remains(tx, team_id, person["role"])
        await tx.fetchval(sql.delete_member, team_id, person_id)
        fields = {"organization_id": team["organization_id"], "subject_id": person_id}
        await record(tx, principal, "team-member.remove", **fields, team=team_id)


async def get_person(tx: Connection, team_id: UUID, person_id: UUID) -> asyncpg.Record:
    """Return a person and their relation to a team. Raises NotFound."""
    person = await tx.fetchrow(sql.find_person, team_id, person_id)
    if person is None:
        raise NotFound("There is no such user.")
    return person


async def insert_member(
    tx: Connection, principal: Principal, team_id: UUID, person_id: UUID, role: str | None = None
) -> str:
    """Make a person a member of a team, with its default role unless one is given, and approve their request to join.

    Returns the role. Raises NotFound if the person is no longer a member of the organization.
    """
    # Insert the member before touching the request, because leaving an organization locks in that order, too.
    inserted = await tx.fetchval(sql.create_member, team_id, person_id, role)
    if inserted is None:
        raise NotFound("They are not a member of the team's organization.")
    await tx.execute(sql.decide_request, team_id, person_id, "approved", principal.person_id)
    return str(inserted)


async def verify_administrator_remains(tx: Connection, team_id: UUID, role: str) -> None:
    """Raises Conflict if a member with this role is the team's last administrator."""
    if role == "admin" and await tx.fetchval(sql.count_admins, team_id) == 1:
        raise Conflict("A team must keep at least one administrator. Make another member one first.")


def default_team_error() -> Conflict:
    """Return the error for removing a person from the default team."""
    return Conflict("Every member of the organization is in its default team.")


async def _get_member(tx: Connection, team_id: UUID, person_id: UUID) -> WireMember:
    row = await tx.fetchrow(sql.list_members, team_id, person_id, 0, 1)
    if row is None:
        raise NotFound("They are no longer a member of this team.")
    return wire_member(row)
