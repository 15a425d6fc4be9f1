"""Delete failed jobs and job history after 30 days."""

from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries

sql = load_queries(__package__)


async def delete_old_jobs(database: Database) -> None:
    """Delete jobs that failed more than 30 days ago, and the history of jobs that are gone. Raises Unavailable."""
    async with database.connection() as connection:
        await connection.execute(sql.delete_old_failed_jobs)
        await connection.execute(sql.delete_old_history)
