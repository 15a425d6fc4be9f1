"""Delete uploads that were never made into files. Their blobs are then deleted as unused blobs."""

from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries

sql = load_queries(__package__)


async def delete_abandoned_uploads(database: Database) -> None:
    """Delete uploads that have expired. Raises Unavailable."""
    async with database.connection() as connection:
        await connection.execute(sql.delete_expired_uploads)
