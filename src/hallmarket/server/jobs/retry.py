"""Retry policy of jobs: failed attempts are retried with growing delays, then the job is given up."""

import asyncio
from datetime import timedelta

from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.core.executors import AbstractEntrypointExecutor, EntrypointExecutorParameters
from pgqueuer.domain.errors import RetryRequested
from pgqueuer.domain.models import Context, Job

from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Unavailable
from hallmarket.server.room import JobHandler

sql = load_queries(__package__)

MAX_ATTEMPTS = 5
FIRST_DELAY_S, DELAY_GROWTH = 2.0, 4.0  # 2, 8, 32 and 128 seconds between attempts
UNAVAILABLE_DELAY = timedelta(seconds=15)
NOT_AN_ATTEMPT = "given back"  # reason of a retry that does not count as an attempt; stored in job_log, so never change


class TooManyAttempts(Exception):
    """A job was started too often without finishing."""


class RetryingExecutor(AbstractEntrypointExecutor):
    """Runs one attempt of a job, and then completes it, schedules a retry, or gives it up."""

    def __init__(self, queries: Queries, handler: JobHandler, running: set[asyncio.Task[None]]) -> None:
        super().__init__(EntrypointExecutorParameters(concurrency_limit=0, func=_not_called, on_failure="hold"))
        self._queries = queries
        self._handler = handler
        self._running = running

    async def execute(self, job: Job, context: Context) -> None:  # noqa: ARG002 (the library's signature)
        """Run the job. Raises RetryRequested if there will be another attempt, and the job's own exception if not."""
        payload = job.payload or b"null"
        rows = await self._queries.driver.fetch(sql.count_attempts, job.id, NOT_AN_ATTEMPT)
        attempts = int(str(rows[0]["attempts"]))
        try:
            if attempts > MAX_ATTEMPTS:
                raise TooManyAttempts(f"The job was started {MAX_ATTEMPTS} times and never finished.")
            await self._attempt(payload)
        except RetryRequested:
            raise
        except Unavailable as error:
            raise RetryRequested(UNAVAILABLE_DELAY, NOT_AN_ATTEMPT) from error
        except Exception as error:
            if attempts < MAX_ATTEMPTS:
                delay_s = FIRST_DELAY_S * DELAY_GROWTH ** (attempts - 1)
                raise RetryRequested(timedelta(seconds=delay_s), reason_of(error)) from error
            await self._give_up(payload, error)
            raise

    async def _attempt(self, payload: bytes) -> None:
        task = asyncio.create_task(self._handler.run(payload))
        self._running.add(task)
        try:
            await asyncio.wait({task})
        finally:
            self._running.discard(task)
        if task.cancelled():  # the runner is stopping
            raise RetryRequested(timedelta(0), NOT_AN_ATTEMPT)
        task.result()

    async def _give_up(self, payload: bytes, error: Exception) -> None:
        try:
            await self._handler.on_give_up(payload, reason_of(error))
        except Unavailable as unavailable:
            raise RetryRequested(UNAVAILABLE_DELAY, NOT_AN_ATTEMPT) from unavailable


def reason_of(error: Exception) -> str:
    """Return the exception's message, or its class name if it has none."""
    return str(error) or type(error).__name__


async def _not_called(_job: Job) -> None:
    """Stand in for the function that the library requires. RetryingExecutor calls the handler instead."""
