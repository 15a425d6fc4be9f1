"""Join and leave a team."""

from uuid import UUID

import asyncpg

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Forbidden, NotFound
from hallmarket.server.principal import Principal
from hallmarket.server.teams.list import load_team
from hallmarket.server.teams.members import default_team_error, insert_member, verify_administrator_remains
from hallmarket.server.teams.notify import notify_about_team
from hallmarket.server.teams.permissions import lock_team
from hallmarket.server.teams.types import WireTeam

sql = load_queries(__package__)


async def join_team(database: Database, principal: Principal, team_id: UUID) -> WireTeam:
    """Join a team that is open, or request to join it. For a member, and with a pending request, nothing changes.

    Raises NotFound, Forbidden if the team is by invitation only, or the caller is banned or not a member of its
    organization.
    """
    async with database.transaction() as tx:
        team = await lock_team(tx, principal, team_id)
        if team["role"] is None:
            if team["is_banned"]:
                raise Forbidden("You are banned from this team.")
            if team["effective_join_policy"] == "invite_only":
                raise Forbidden("This team is by invitation only. Ask one of its administrators to add you.")
            if team["effective_join_policy"] == "open":
                role = await insert_member(tx, principal, team_id, principal.person_id)
                fields = {"organization_id": team["organization_id"], "subject_id": team_id}
                await record(tx, principal, "team.join", **fields, role=role)
            else:
                await _request_to_join(tx, principal, team)
        return await load_team(tx, principal, team_id)


async def _request_to_join(tx: Connection, principal: Principal, team: asyncpg.Record) -> None:
    request_id = await tx.fetchval(sql.create_request, new_id(), team["id"], principal.person_id)
    if request_id is None:  # there is a pending request already
        return
    fields = {"organization_id": team["organization_id"], "subject_id": team["id"]}
    await record(tx, principal, "team-request.create", **fields, request=request_id)
    moderators = [row["person_id"] for row in await tx.fetch(sql.list_moderators, team["id"])]
    text = f"{team['caller_name']} asks to join the team {team['name']}."
    await notify_about_team(tx, principal, team, moderators, text)


async def leave_team(database: Database, principal: Principal, team_id: UUID) -> None:
    """Leave a team.

    Raises NotFound if the caller is not a member, Conflict for the default team and for the last administrator.
    """
    async with database.transaction() as tx:
        team = await lock_team(tx, principal, team_id)
        if team["role"] is None:
            raise NotFound("You are not a member of this team.")
        if team["is_default"]:
            raise default_team_error()
        await verify_administrator_remains(tx, team_id, team["role"])
        await tx.fetchval(sql.delete_member, team_id, principal.person_id)
        fields = {"organization_id": team["organization_id"], "subject_id": team_id}
        await record(tx, principal, "team.leave", **fields)
