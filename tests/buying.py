"""What a purchase leaves to the catalog, for tests that are about what comes of it and not about money."""

import asyncio
from uuid import UUID

import asyncpg

from circle import Circle, Someone
from hallmarket.server.catalog.bought import end_bought, grant_bought


def let_read(circle: Circle, asset: str, *buyers: Someone, ends: bool = False) -> None:
    """Let people read an asset of the administrator's as if they had bought it; or no more, as if it were paid back."""

    async def run() -> None:
        connection = await asyncpg.connect(circle.server.postgres_url)
        try:
            async with connection.transaction():
                if ends:
                    for buyer in buyers:
                        await end_bought(connection, UUID(asset), UUID(buyer.id))
                else:
                    paid = [(UUID(asset), UUID(buyer.id), UUID(circle.boss.id)) for buyer in buyers]
                    await grant_bought(connection, paid)
        finally:
            await connection.close()

    asyncio.run(run())
