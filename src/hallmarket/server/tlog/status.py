"""The log's status for health checks and metrics."""

from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.tlog.types import LogStatus

sql = load_queries(__package__)


async def get_status(database: Database) -> LogStatus:
    """Return the log's size, newest checkpoint and queue length. Raises Unavailable."""
    async with database.connection() as connection:
        row = await connection.fetchrow(sql.find_status)
    assert row is not None
    return LogStatus(**row)
