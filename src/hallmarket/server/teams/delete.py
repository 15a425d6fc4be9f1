"""Delete a team."""

from uuid import UUID

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Conflict
from hallmarket.server.principal import Principal
from hallmarket.server.teams.permissions import lock_as_moderator

sql = load_queries(__package__)


async def delete_team(database: Database, principal: Principal, team_id: UUID) -> None:
    """Delete a team that the caller moderates, with its memberships, requests and bans.

    Raises NotFound, Forbidden, Conflict for the default team.
    """
    async with database.transaction() as tx:
        team = await lock_as_moderator(tx, principal, team_id)
        if team["is_default"]:
            raise Conflict("The organization's default team cannot be deleted.")
        await tx.execute(sql.delete_team, team_id)
        fields = {"organization_id": team["organization_id"], "subject_id": team_id}
        await record(tx, principal, "team.delete", **fields, name=team["name"])
