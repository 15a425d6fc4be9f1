"""Bans from a team: list, create and lift them."""

from typing import Annotated
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Database
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Duplicate, InvalidRequest, NotFound
from hallmarket.server.identity.types import wire_profile
from hallmarket.server.paging import Page, Window, make_page
from hallmarket.server.principal import Principal
from hallmarket.server.teams.members import default_team_error, get_person
from hallmarket.server.teams.notify import notify_about_team
from hallmarket.server.teams.permissions import (
    get_team_and_role,
    lock_as_moderator,
    protect_organization_admin,
    require_moderator,
)
from hallmarket.server.teams.types import WireBan

sql = load_queries(__package__)


class NewBan(msgspec.Struct, frozen=True):
    """The body of `POST /teams/{id}/bans`."""

    user_id: UUID
    reason: Annotated[str, msgspec.Meta(max_length=1000)] | None = None
    remove_contributions: bool | None = None  # moves the person's assets in the team to the default team


async def list_bans(database: Database, principal: Principal, team_id: UUID, window: Window) -> Page[WireBan]:
    """List the bans from a team that the caller moderates, newest first. Raises NotFound, Forbidden."""
    async with database.connection() as connection:
        require_moderator(principal, await get_team_and_role(connection, principal, team_id))
        rows = await connection.fetch(sql.list_bans, team_id, window.offset, window.limit + 1)
    return make_page(window, rows, _wire_ban)


async def ban_person(database: Database, principal: Principal, team_id: UUID, new: NewBan) -> None:
    """Ban a person from a team that the caller moderates. It ends their membership and rejects their request to join.

    Raises InvalidRequest for the caller, NotFound, Forbidden, Conflict for the default team, Duplicate for a person who
    is banned already.
    """
    if new.user_id == principal.person_id:
        raise InvalidRequest("You cannot ban yourself. Leave the team instead.", "user_id")
    async with database.transaction() as tx:
        team = await lock_as_moderator(tx, principal, team_id)
        if team["is_default"]:
            raise default_team_error()
        person = await get_person(tx, team_id, new.user_id)
        protect_organization_admin(team, person)
        ban = (new_id(), team_id, new.user_id, new.reason, principal.person_id)
        if await tx.fetchval(sql.create_ban, *ban) is None:
            raise Duplicate("They are already banned.")
        await tx.fetchval(sql.delete_member, team_id, new.user_id)
        await tx.execute(sql.decide_request, team_id, new.user_id, "rejected", principal.person_id)
        if new.remove_contributions:
            await tx.execute(sql.remove_contributions, team_id, new.user_id)
        fields = {"organization_id": team["organization_id"], "subject_id": new.user_id}
        removed = new.remove_contributions is True
        await record(tx, principal, "team-ban.create", **fields, team=team_id, removed_contributions=removed)
        if person["is_organization_member"]:
            text = f"You were banned from the team {team['name']}" + (f": {new.reason}" if new.reason else ".")
            await notify_about_team(tx, principal, team, [new.user_id], text)


async def lift_ban(database: Database, principal: Principal, team_id: UUID, person_id: UUID) -> None:
    """Lift a ban, so that the person may join again. Their membership is not restored. Raises NotFound, Forbidden."""
    async with database.transaction() as tx:
        team = await lock_as_moderator(tx, principal, team_id)
        if await tx.fetchval(sql.delete_ban, team_id, person_id) is None:
            raise NotFound("They are not banned from this team.")
        fields = {"organization_id": team["organization_id"], "subject_id": person_id}
        await record(tx, principal, "team-ban.delete", **fields, team=team_id)


def _wire_ban(row: asyncpg.Record) -> WireBan:
    return WireBan(
        id=row["id"],
        team_id=row["team_id"],
        user_id=row["person_id"],
        user=wire_profile(row),
        reason=row["reason"],
        created_at=row["created_on"],
    )
