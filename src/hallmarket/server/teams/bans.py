"""Ban people from a team, and lift bans."""

from typing import Annotated
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Database
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Conflict, Duplicate, InvalidRequest, NotFound
from hallmarket.server.http.exchange_dialect import Paged, page_of
from hallmarket.server.identity.types import wire_profile
from hallmarket.server.paging import Window
from hallmarket.server.principal import Principal
from hallmarket.server.teams.enter import find_person, tell
from hallmarket.server.teams.standing import find_standing, lock_moderated, require_moderator, require_other
from hallmarket.server.teams.types import WireBan

sql = load_queries(__package__)


class NewBan(msgspec.Struct, frozen=True):
    """The body of `POST /teams/{id}/bans`."""

    user_id: UUID
    reason: Annotated[str, msgspec.Meta(max_length=1000)] | None = None
    remove_contributions: bool | None = None  # what they put into the team goes to the default team


async def list_bans(database: Database, principal: Principal, team_id: UUID, window: Window) -> Paged[WireBan]:
    """Who may not join a team, newest first, for its moderators. Raises NotFound, Forbidden."""
    async with database.connection() as connection:
        require_moderator(principal, await find_standing(connection, principal, team_id))
        rows = await connection.fetch(sql.list_bans, team_id, window.offset, window.limit + 1)
    return page_of(window, rows, _wire_ban)


async def ban_person(database: Database, principal: Principal, team_id: UUID, wanted: NewBan) -> None:
    """Put somebody out of a team for good: their membership ends, what they asked for is rejected.

    Raises NotFound, Forbidden, Conflict for the default team, Duplicate for who is banned already.
    """
    if wanted.user_id == principal.person_id:
        raise InvalidRequest("Leave the team rather than banning yourself.", "user_id")
    async with database.transaction() as tx:
        team = await lock_moderated(tx, principal, team_id)
        if team["is_default"]:
            raise Conflict("Everybody in the organization is in its default team.")
        person = await find_person(tx, team_id, wanted.user_id)
        require_other(team, person)
        banned = (new_id(), team_id, wanted.user_id, wanted.reason, principal.person_id)
        if await tx.fetchval(sql.create_ban, *banned) is None:
            raise Duplicate("They are banned already.")
        await tx.fetchval(sql.delete_member, team_id, wanted.user_id)
        await tx.execute(sql.decide_request, team_id, wanted.user_id, "rejected", principal.person_id)
        if wanted.remove_contributions:
            await tx.execute(sql.remove_contributions, team_id, wanted.user_id)
        whose = {"organization_id": team["organization_id"], "subject_id": wanted.user_id}
        removed = wanted.remove_contributions is True
        await record(tx, principal, "team-ban.create", **whose, team=team_id, removed_contributions=removed)
        if person["is_organization_member"]:
            text = f"You were banned from the team {team['name']}" + (f": {wanted.reason}" if wanted.reason else ".")
            await tell(tx, team, [wanted.user_id], principal.person_id, text)


async def lift_ban(database: Database, principal: Principal, team_id: UUID, person_id: UUID) -> None:
    """Let somebody join again who was banned; their membership does not come back. Raises NotFound, Forbidden."""
    async with database.transaction() as tx:
        team = await lock_moderated(tx, principal, team_id)
        if await tx.fetchval(sql.delete_ban, team_id, person_id) is None:
            raise NotFound("They are not banned from this team.")
        whose = {"organization_id": team["organization_id"], "subject_id": person_id}
        await record(tx, principal, "team-ban.delete", **whose, team=team_id)


def _wire_ban(row: asyncpg.Record) -> WireBan:
    return WireBan(
        id=row["id"],
        team_id=row["team_id"],
        user_id=row["person_id"],
        user=wire_profile(row),
        reason=row["reason"],
        created_at=row["created_on"],
    )
