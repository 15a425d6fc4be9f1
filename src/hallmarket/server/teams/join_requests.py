"""Requests to join a team: list, approve and reject them."""

from uuid import UUID

import asyncpg

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Conflict, NotFound
from hallmarket.server.identity.types import wire_profile
from hallmarket.server.paging import Page, Window, make_page
from hallmarket.server.principal import Principal
from hallmarket.server.teams.members import insert_member
from hallmarket.server.teams.notify import notify_about_team
from hallmarket.server.teams.permissions import get_team_and_role, lock_as_moderator, require_organization_member
from hallmarket.server.teams.types import WireJoinRequest

sql = load_queries(__package__)


async def list_join_requests(
    database: Database, principal: Principal, team_id: UUID, window: Window
) -> Page[WireJoinRequest]:
    """List the pending requests to join a team, oldest first: all for a moderator, the caller's own for other members.

    Raises NotFound, Forbidden.
    """
    async with database.connection() as connection:
        team = await get_team_and_role(connection, principal, team_id)
        require_organization_member(principal, team)
        rows = await connection.fetch(
            sql.list_requests, team_id, principal.person_id, team["is_moderator"], window.offset, window.limit + 1
        )
    return make_page(window, rows, _wire_request)


async def approve_join_request(database: Database, principal: Principal, team_id: UUID, request_id: UUID) -> None:
    """Approve a request: the person becomes a member. Raises NotFound, Forbidden, Conflict if it is already decided."""
    await _decide(database, principal, team_id, request_id, approved=True)


async def reject_join_request(database: Database, principal: Principal, team_id: UUID, request_id: UUID) -> None:
    """Reject a request; the person may send another. Raises NotFound, Forbidden, Conflict if it is already decided."""
    await _decide(database, principal, team_id, request_id, approved=False)


async def _decide(database: Database, principal: Principal, team_id: UUID, request_id: UUID, *, approved: bool) -> None:
    async with database.transaction() as tx:
        team = await lock_as_moderator(tx, principal, team_id)
        request = await tx.fetchrow(sql.find_request, team_id, request_id)
        if request is None:
            raise NotFound("There is no such request.")
        if request["status"] != "pending":
            raise Conflict(f"This request is already {request['status']}.")
        person_id = request["person_id"]
        if approved:
            await insert_member(tx, principal, team_id, person_id)
        else:
            await tx.execute(sql.decide_request, team_id, person_id, "rejected", principal.person_id)
        action, outcome = ("approve", "approved") if approved else ("reject", "rejected")
        fields = {"organization_id": team["organization_id"], "subject_id": person_id}
        await record(tx, principal, f"team-request.{action}", **fields, team=team_id, request=request_id)
        text = f"Your request to join the team {team['name']} was {outcome}."
        await notify_about_team(tx, principal, team, [person_id], text)


def _wire_request(row: asyncpg.Record) -> WireJoinRequest:
    return WireJoinRequest(
        id=row["id"],
        team_id=row["team_id"],
        user_id=row["person_id"],
        status=row["status"],
        created_at=row["created_on"],
        user=wire_profile(row),
    )
