"""Join and leave a team."""

from uuid import UUID

import asyncpg

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Conflict, Forbidden, NotFound
from hallmarket.server.principal import Principal
from hallmarket.server.teams.enter import check_admin_remains, enter, tell
from hallmarket.server.teams.list import get_team
from hallmarket.server.teams.standing import lock_team
from hallmarket.server.teams.types import WireTeam

sql = load_queries(__package__)


async def join_team(database: Database, principal: Principal, team_id: UUID) -> WireTeam:
    """Join a team, or ask to; who is in it, or has asked, finds it as it is.

    Raises NotFound, Forbidden if the team is by invitation only, or the caller is banned or not of its organization.
    """
    person_id = principal.person_id
    async with database.transaction() as tx:
        team = await lock_team(tx, principal, team_id)
        if team["role"] is None:
            if team["is_banned"]:
                raise Forbidden("You are banned from this team.")
            if team["effective_join_policy"] == "invite_only":
                raise Forbidden("This team is by invitation only; ask one of its administrators to add you.")
            if team["effective_join_policy"] == "open":
                role = await enter(tx, team_id, person_id, None, person_id)
                whose = {"organization_id": team["organization_id"], "subject_id": team_id}
                await record(tx, principal, "team.join", **whose, role=role)
            else:
                await _ask(tx, principal, team)
        return await get_team(tx, principal, team_id)


async def _ask(tx: Connection, principal: Principal, team: asyncpg.Record) -> None:
    person_id = principal.person_id
    request_id = await tx.fetchval(sql.create_request, new_id(), team["id"], person_id)
    if request_id is None:  # pending already
        return
    whose = {"organization_id": team["organization_id"], "subject_id": team["id"]}
    await record(tx, principal, "team-request.create", **whose, request=request_id)
    moderators = [row["person_id"] for row in await tx.fetch(sql.list_moderators, team["id"])]
    await tell(tx, team, moderators, person_id, f"{team['caller_name']} asks to join the team {team['name']}.")


async def leave_team(database: Database, principal: Principal, team_id: UUID) -> None:
    """Leave a team.

    Raises NotFound if the caller is not in it, Conflict for the default team and for the last administrator.
    """
    async with database.transaction() as tx:
        team = await lock_team(tx, principal, team_id)
        if team["role"] is None:
            raise NotFound("You are not in this team.")
        if team["is_default"]:
            raise Conflict("Everybody in the organization is in its default team.")
        await check_admin_remains(tx, team_id, team["role"])
        await tx.fetchval(sql.delete_member, team_id, principal.person_id)
        whose = {"organization_id": team["organization_id"], "subject_id": team_id}
        await record(tx, principal, "team.leave", **whose)
