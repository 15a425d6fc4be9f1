"""How much there is to do, for operators; and forgetting what was done long ago."""

from collections.abc import Sequence

from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.jobs.types import JobCount

sql = load_queries(__package__)


async def count_jobs(database: Database) -> Sequence[JobCount]:
    """The jobs there are, by kind. Raises Unavailable."""
    async with database.connection() as connection:
        return [JobCount(**row) for row in await connection.fetch(sql.count_jobs)]


async def forget_old_jobs(database: Database) -> None:
    """Forget jobs that were given up, or done, a month ago. Raises Unavailable."""
    async with database.connection() as connection:
        await connection.execute(sql.forget_failed)
        await connection.execute(sql.forget_log)
