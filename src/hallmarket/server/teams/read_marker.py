"""Per-member read marker for a team's activity. The catalog knows which assets the activity consists of."""

from datetime import datetime
from uuid import UUID

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


async def advance_read_marker(tx: Connection, principal: Principal, team_id: UUID, until: datetime) -> None:
    """Mark a team's activity up to a time as read by the caller. Does nothing if they are not a member of the team."""
    await tx.execute(sql.advance_read_marker, team_id, principal.person_id, until)
