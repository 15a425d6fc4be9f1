"""What several ways into and out of a team share."""

from uuid import UUID

import asyncpg

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Conflict, NotFound
from hallmarket.server.notifications.notify import notify

sql = load_queries(__package__)


async def find_person(tx: Connection, team_id: UUID, person_id: UUID) -> asyncpg.Record:
    """A person, and what they are to a team. Raises NotFound."""
    person = await tx.fetchrow(sql.find_person, team_id, person_id)
    if person is None:
        raise NotFound("There is no such user.")
    return person


async def enter(tx: Connection, team_id: UUID, person_id: UUID, role: str | None, decided_by: UUID) -> str:
    """Put a person into a team they are not in, as `role` or the team's default; what they asked for is granted.

    Returns the role. Raises NotFound if they are no longer in the organization.
    """
    # Before their request is touched: leaving the organization locks the membership first and the request after it.
    entered = await tx.fetchval(sql.create_member, team_id, person_id, role)
    if entered is None:
        raise NotFound("They are not in the team's organization.")
    await tx.execute(sql.decide_request, team_id, person_id, "approved", decided_by)
    return str(entered)


async def check_admin_remains(tx: Connection, team_id: UUID, role: str) -> None:
    """Raises Conflict if a member of this role is the team's last administrator, and about to be none."""
    if role == "admin" and await tx.fetchval(sql.count_admins, team_id) == 1:
        raise Conflict("A team keeps at least one administrator; make somebody else one first.")


async def tell(tx: Connection, team: asyncpg.Record, people: list[UUID], source_id: UUID, text: str) -> None:
    """Notify people of something about a team."""
    content = {"text": text, "team_id": team["id"]}
    whose = {"source_id": source_id, "organization_id": team["organization_id"]}
    await notify(tx, "other", people, **whose, content=content)
