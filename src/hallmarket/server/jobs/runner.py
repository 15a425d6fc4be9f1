"""Job runner: takes queued jobs and runs them, with the library `pgqueuer`. Servers on one database share the queue."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

import asyncpg
import structlog
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.errors import FailingListenerError
from pgqueuer.domain.settings import DBSettings, Durability
from pgqueuer.domain.types import Channel

from hallmarket.server.database.connections import CONNECTION_ERRORS, DedicatedConnection
from hallmarket.server.errors import Unavailable
from hallmarket.server.jobs.retry import RetryingExecutor
from hallmarket.server.room import JobHandler

log = structlog.get_logger()

MAX_CONCURRENT_JOBS = 8
HEARTBEAT_TIMEOUT = timedelta(seconds=6)  # a job without a heartbeat for this long is reclaimed from a dead process
POLL_INTERVAL = timedelta(seconds=3)  # in addition to notifications
STOP_TIMEOUT_S = 10.0  # how long running jobs may take to finish at a stop before they return to the queue
RECONNECT_DELAY_S = 0.5

# Every name is set here: the library would read a missing one from the environment, where `CHANNEL` could mean
# anything.
SCHEMA_NAMES = DBSettings(
    prefix="",
    db_schema=None,
    channel=Channel("hallmarket_job"),
    function="job_changed",
    trigger="job_changed",
    queue_status_type="job_status",
    queue_table="job",
    queue_table_log="job_log",
    schedules_table="job_schedule",
    statistics_table="job_statistics",
    durability=Durability.durable,
)


def make_queries(connection: "asyncpg.Connection[asyncpg.Record]") -> Queries:
    """Build the library's queries for our table names."""
    builders = (
        QueryBuilderEnvironment(SCHEMA_NAMES),
        QueryQueueBuilder(SCHEMA_NAMES),
        QuerySchedulerBuilder(SCHEMA_NAMES),
    )
    return Queries(AsyncpgDriver(connection), *builders)


class JobRunner:
    """Runs the kinds of jobs that have a handler, and leaves other kinds in the queue for processes that know them."""

    def __init__(self, url: str, handlers: Mapping[str, JobHandler]) -> None:
        self._connection = DedicatedConnection(url)
        self._handlers = handlers
        self._manager: QueueManager | None = None
        self._running: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Run jobs until `stop` is called, reconnecting after every loss of the database."""
        while not self._stopping.is_set():
            try:
                await self._run_jobs(await self._connection.get())
            except (Unavailable, asyncpg.PostgresError, FailingListenerError, *CONNECTION_ERRORS) as error:
                log.warning("job runner lost the database; it continues when the database is back", error=str(error))
                self._connection.terminate()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), RECONNECT_DELAY_S)
        await self._connection.close()

    def stop(self) -> None:
        """Take no new jobs. Running jobs may finish within `STOP_TIMEOUT_S`; after that they return to the queue."""
        self._stopping.set()
        if self._manager is not None:
            self._manager.shutdown.set()
        asyncio.get_running_loop().call_later(STOP_TIMEOUT_S, self._cancel_running)

    def _cancel_running(self) -> None:
        for task in self._running:
            task.cancel()

    async def _run_jobs(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        queries = make_queries(connection)
        self._manager = QueueManager(queries, SCHEMA_NAMES.channel)
        for kind, handler in self._handlers.items():
            self._manager.register_executor(kind, RetryingExecutor(queries, handler, self._running))
        if self._stopping.is_set():
            return
        await self._manager.run(
            dequeue_timeout=POLL_INTERVAL,
            batch_size=MAX_CONCURRENT_JOBS // 2,
            max_concurrent_tasks=MAX_CONCURRENT_JOBS,
            shutdown_on_listener_failure=True,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            log_aggregation_interval=timedelta(0),
        )
