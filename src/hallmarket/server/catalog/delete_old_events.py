"""Delete the records of who viewed or downloaded what, a day later. The daily counts stay."""

from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries

sql = load_queries(__package__)


async def delete_old_events(database: Database) -> None:
    """Delete events that are older than a day, unless they still mark an asset as seen. Raises Unavailable."""
    async with database.connection() as connection:
        await connection.execute(sql.delete_old_events)
