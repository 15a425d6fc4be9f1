"""Notifications about a team."""

from uuid import UUID

import asyncpg

from hallmarket.server.database.connections import Connection
from hallmarket.server.notifications.notify import notify
from hallmarket.server.principal import Principal


async def notify_about_team(
    tx: Connection, principal: Principal, team: asyncpg.Record, people: list[UUID], text: str
) -> None:
    """Notify people of what the caller did in a team."""
    await notify(
        tx,
        "other",
        people,
        source_id=principal.person_id,
        organization_id=team["organization_id"],
        content={"text": text, "team_id": team["id"]},
    )
