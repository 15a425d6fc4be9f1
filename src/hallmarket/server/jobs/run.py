"""Do what was enqueued, by the library `pgqueuer`: several servers on one database share the work."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta

import asyncpg
import structlog
from pgqueuer.adapters.drivers.asyncpg import AsyncpgDriver
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment, QueryQueueBuilder, QuerySchedulerBuilder
from pgqueuer.adapters.persistence.queries import Queries
from pgqueuer.core.executors import AbstractEntrypointExecutor, EntrypointExecutorParameters
from pgqueuer.core.qm import QueueManager
from pgqueuer.domain.errors import FailingListenerError, RetryRequested
from pgqueuer.domain.models import Context, Job
from pgqueuer.domain.settings import DBSettings, Durability
from pgqueuer.domain.types import Channel

from hallmarket.server.database.connections import CONNECTION_ERRORS, DedicatedConnection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Unavailable
from hallmarket.server.jobs.types import Kind

sql = load_queries(__package__)
log = structlog.get_logger()

MAX_ATTEMPTS = 5
FIRST_DELAY_S, DELAY_GROWTH = 2.0, 4.0  # 2, 8, 32, 128 seconds between tries
AWAY_DELAY = timedelta(seconds=15)
GRACE_S = 10.0  # for what is in hand at a stop; after that it is given back
AT_ONCE = 8
HEARTBEAT_TIMEOUT = timedelta(seconds=6)  # how long a job lies still that was in a killed process's hands
LOOK_EVERY = timedelta(seconds=3)  # beside being notified
AGAIN_S = 0.5
GIVEN_BACK = "given back"

# Every name, for the library would take those that are missing from the environment, where `CHANNEL` may mean anything.
NAMES = DBSettings(
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
    """The library's queries over our tables."""
    builders = QueryBuilderEnvironment(NAMES), QueryQueueBuilder(NAMES), QuerySchedulerBuilder(NAMES)
    return Queries(AsyncpgDriver(connection), *builders)


class Runner:
    """Does jobs of the given kinds, and leaves others to whoever knows them."""

    def __init__(self, url: str, kinds: Mapping[str, Kind]) -> None:
        self._connection = DedicatedConnection(url)
        self._kinds = kinds
        self._manager: QueueManager | None = None
        self._in_hand: set[asyncio.Task[None]] = set()
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Work until `stop`, over every loss of the database."""
        while not self._stopping.is_set():
            try:
                await self._work(await self._connection.get())
            except (Unavailable, asyncpg.PostgresError, FailingListenerError, *CONNECTION_ERRORS) as error:
                log.warning("background work lost its database; it goes on when that is back", error=str(error))
                self._connection.terminate()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._stopping.wait(), AGAIN_S)
        await self._connection.close()

    def stop(self) -> None:
        """Take nothing new; what is in hand has a moment to be finished, and is given back after that."""
        self._stopping.set()
        if self._manager is not None:
            self._manager.shutdown.set()
        asyncio.get_running_loop().call_later(GRACE_S, self._give_back)

    def _give_back(self) -> None:
        for task in self._in_hand:
            task.cancel()

    async def _work(self, connection: "asyncpg.Connection[asyncpg.Record]") -> None:
        queries = make_queries(connection)
        self._manager = QueueManager(queries, NAMES.channel)
        for name, kind in self._kinds.items():
            self._manager.register_executor(name, _Executor(queries, kind, self._in_hand))
        if self._stopping.is_set():
            return
        await self._manager.run(
            dequeue_timeout=LOOK_EVERY,
            batch_size=AT_ONCE // 2,
            max_concurrent_tasks=AT_ONCE,
            shutdown_on_listener_failure=True,
            heartbeat_timeout=HEARTBEAT_TIMEOUT,
            log_aggregation_interval=timedelta(0),
        )


class GivenUp(Exception):
    """A job was begun too often without an end."""


class _Executor(AbstractEntrypointExecutor):
    """One try at a job: done, put off, or given up."""

    def __init__(self, queries: Queries, kind: Kind, in_hand: set[asyncio.Task[None]]) -> None:
        super().__init__(EntrypointExecutorParameters(concurrency_limit=0, func=_not_called, on_failure="hold"))
        self._queries = queries
        self._kind = kind
        self._in_hand = in_hand

    async def execute(self, job: Job, context: Context) -> None:  # noqa: ARG002 (the library's form)
        """Do the job's work. Raises RetryRequested for another try, and what went wrong if there is to be none."""
        payload = job.payload or b"null"
        rows = await self._queries.driver.fetch(sql.count_tries, job.id, GIVEN_BACK)
        tries = int(str(rows[0]["tries"]))
        try:
            if tries > MAX_ATTEMPTS:
                raise GivenUp(f"It was begun {MAX_ATTEMPTS} times and never ended.")
            await self._try(payload)
        except RetryRequested:
            raise
        except Unavailable as error:
            raise RetryRequested(AWAY_DELAY, GIVEN_BACK) from error
        except Exception as error:
            if tries < MAX_ATTEMPTS:
                delay_s = FIRST_DELAY_S * DELAY_GROWTH ** (tries - 1)
                raise RetryRequested(timedelta(seconds=delay_s), reason_of(error)) from error
            await self._give_up(payload, error)
            raise

    async def _try(self, payload: bytes) -> None:
        task = asyncio.create_task(self._kind.work(payload))
        self._in_hand.add(task)
        try:
            await asyncio.wait({task})
        finally:
            self._in_hand.discard(task)
        if task.cancelled():
            raise RetryRequested(timedelta(0), GIVEN_BACK)
        task.result()

    async def _give_up(self, payload: bytes, error: Exception) -> None:
        try:
            await self._kind.give_up(payload, reason_of(error))
        except Unavailable as away:
            raise RetryRequested(AWAY_DELAY, GIVEN_BACK) from away


def reason_of(error: Exception) -> str:
    """What went wrong, in a line."""
    return str(error) or type(error).__name__


async def _not_called(_job: Job) -> None:
    """The library wants a function where our executor has a kind."""
