"""Create notifications by the function that every room notifies with."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg

from _support.members import Member
from _support.servers import Server
from hallmarket.server.notifications.notify import notify


def create_notifications(
    server: Server, member: Member, *kinds: str, source: Member | None = None, organization: str = "", **fields: Any
) -> list[str]:
    """Notify a member of each kind, one transaction after the other; return the notifications' ids."""

    async def run() -> list[str]:
        connection = await asyncpg.connect(server.postgres_url)
        ids = []
        try:
            for kind in kinds:
                await notify(
                    connection,
                    kind,
                    [UUID(member.person)],
                    source_id=UUID(source.person) if source else None,
                    organization_id=UUID(organization) if organization else None,
                    **fields,
                )
                newest = "select id from notification where destination_id = $1 order by created_on desc, id desc"
                ids.append(str(await connection.fetchval(newest, UUID(member.person))))
        finally:
            await connection.close()
        return ids

    return asyncio.run(run())
