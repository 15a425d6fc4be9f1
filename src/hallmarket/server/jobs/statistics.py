"""Count jobs by kind and state, for the metrics."""

from collections.abc import Sequence

from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.jobs.types import JobCount

sql = load_queries(__package__)


async def count_jobs(database: Database) -> Sequence[JobCount]:
    """Count the jobs of each kind. Raises Unavailable."""
    async with database.connection() as connection:
        return [JobCount(**row) for row in await connection.fetch(sql.count_jobs)]
