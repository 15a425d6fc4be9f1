"""Until when somebody has seen what is in a team; the room of assets knows what that is."""

from datetime import datetime
from uuid import UUID

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries

sql = load_queries(__package__)


async def mark_seen(tx: Connection, team_id: UUID, person_id: UUID, until: datetime) -> None:
    """Note that a member has seen what was in a team at a time; nothing changes for who is no member, or saw more."""
    await tx.execute(sql.mark_seen, team_id, person_id, until)
