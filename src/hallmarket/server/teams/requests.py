"""List, approve and reject requests to join a team."""

from uuid import UUID

import asyncpg

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Conflict, NotFound
from hallmarket.server.http.exchange_dialect import Paged, page_of
from hallmarket.server.identity.types import wire_profile
from hallmarket.server.paging import Window
from hallmarket.server.principal import Principal
from hallmarket.server.teams.enter import enter, tell
from hallmarket.server.teams.standing import find_standing, lock_moderated, require_belonging
from hallmarket.server.teams.types import WireJoinRequest

sql = load_queries(__package__)


async def list_requests(
    database: Database, principal: Principal, team_id: UUID, window: Window
) -> Paged[WireJoinRequest]:
    """The pending requests to join a team, oldest first; who is no moderator sees their own. Raises NotFound."""
    async with database.connection() as connection:
        team = await find_standing(connection, principal, team_id)
        require_belonging(principal, team)
        rows = await connection.fetch(
            sql.list_requests, team_id, principal.person_id, team["is_moderator"], window.offset, window.limit + 1
        )
    return page_of(window, rows, _wire_request)


async def approve_request(database: Database, principal: Principal, team_id: UUID, request_id: UUID) -> None:
    """Let somebody into the team who asked. Raises NotFound, Forbidden, Conflict if it is decided already."""
    await _decide(database, principal, team_id, request_id, approved=True)


async def reject_request(database: Database, principal: Principal, team_id: UUID, request_id: UUID) -> None:
    """Refuse somebody who asked; they may ask again. Raises NotFound, Forbidden, Conflict if it is decided already."""
    await _decide(database, principal, team_id, request_id, approved=False)


async def _decide(database: Database, principal: Principal, team_id: UUID, request_id: UUID, *, approved: bool) -> None:
    async with database.transaction() as tx:
        team = await lock_moderated(tx, principal, team_id)
        request = await tx.fetchrow(sql.find_request, team_id, request_id)
        if request is None:
            raise NotFound("There is no such request.")
        if request["status"] != "pending":
            raise Conflict(f"This request is {request['status']} already.")
        person_id = request["person_id"]
        if approved:
            await enter(tx, team_id, person_id, None, principal.person_id)
        else:
            await tx.execute(sql.decide_request, team_id, person_id, "rejected", principal.person_id)
        action, outcome = ("approve", "approved") if approved else ("reject", "rejected")
        whose = {"organization_id": team["organization_id"], "subject_id": person_id}
        await record(tx, principal, f"team-request.{action}", **whose, team=team_id, request=request_id)
        text = f"Your request to join the team {team['name']} was {outcome}."
        await tell(tx, team, [person_id], principal.person_id, text)


def _wire_request(row: asyncpg.Record) -> WireJoinRequest:
    return WireJoinRequest(
        id=row["id"],
        team_id=row["team_id"],
        user_id=row["person_id"],
        status=row["status"],
        created_at=row["created_on"],
        user=wire_profile(row),
    )
