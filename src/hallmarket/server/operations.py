"""Routes for operators: `/healthz`, `/readyz` and `/metrics`."""

import base64
from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from hallmarket.server.database.connections import Database
from hallmarket.server.errors import Unavailable
from hallmarket.server.http.metrics import REQUEST_FIGURES
from hallmarket.server.http.openapi_parts import answer
from hallmarket.server.identity.types import iso_time
from hallmarket.server.jobs.statistics import count_jobs
from hallmarket.server.jobs.types import JobCount
from hallmarket.server.tlog.status import get_status
from hallmarket.server.tlog.types import LogStatus

NO_STORE = {"cache-control": "no-store"}
METRICS = {"answer": {"text/plain": {"type": "string", "examples": ["hallmarket_log_size 6.0\n"]}}}


class Health(msgspec.Struct, frozen=True):
    """The liveness response."""

    status: Literal["ok"] = "ok"


class NewestCheckpoint(msgspec.Struct, frozen=True, rename="camel"):
    """The newest checkpoint. `root` is the base64 of the root hash."""

    number: int
    size: int
    root: str
    created_on: str


class LogState(msgspec.Struct, frozen=True, rename="camel"):
    """The log's size, queue length and lag, which is the age of the oldest queued entry."""

    origin: str
    size: int
    queue: int
    lag_seconds: float
    checkpoint: NewestCheckpoint


class Readiness(msgspec.Struct, frozen=True):
    """The readiness response. `log` is null while the database is unavailable."""

    status: Literal["ready", "unavailable"]
    version: str
    database: Literal["ok", "away"]
    log: LogState | None


READINESS = {503: answer(Readiness, "The database is temporarily unavailable.")}


def operations_routes(database: Database, origin: str, version: str) -> Sequence[HTTPRouteHandler]:
    """Return the operators' routes."""

    @get("/healthz", summary="Check that the process is alive", sync_to_thread=False)
    def health() -> Response[Health]:
        return Response(Health(), headers=NO_STORE)

    @get("/readyz", summary="Check that the process and the database are ready", responses=READINESS)
    async def ready() -> Response[Readiness]:
        try:
            status = await get_status(database)
        except Unavailable:
            away = Readiness("unavailable", version, "away", None)
            return Response(away, status_code=503, headers=NO_STORE | {"retry-after": "1"})
        return Response(Readiness("ready", version, "ok", _describe(origin, status)), headers=NO_STORE)

    @get("/metrics", opt=METRICS, summary="Get the metrics in the Prometheus text format")
    async def metrics() -> Response[bytes]:
        REQUEST_FIGURES.hand_over()
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        try:
            registry.register(LogMetrics(await get_status(database)))
            registry.register(JobMetrics(await count_jobs(database)))
        except Unavailable:
            registry.register(LogMetrics(None))
        return Response(generate_latest(registry), media_type="text/plain; version=0.0.4", headers=NO_STORE)

    return [health, ready, metrics]


class LogMetrics(Collector):
    """Gauges of the log, read from the database at each request, so every worker reports the same values."""

    def __init__(self, status: LogStatus | None) -> None:
        self._status = status

    def collect(self) -> Iterable[Metric]:
        """Yield the gauges. While the database is unavailable, yield only `hallmarket_database_up`."""
        status = self._status
        yield GaugeMetricFamily("hallmarket_database_up", "Whether the database answers.", float(status is not None))
        if status is None:
            return
        yield GaugeMetricFamily("hallmarket_log_size", "Entries in the log.", status.size)
        yield GaugeMetricFamily("hallmarket_log_checkpoint_number", "Number of the newest checkpoint.", status.number)
        yield GaugeMetricFamily(
            "hallmarket_log_checkpoint_timestamp_seconds",
            "When the newest checkpoint was signed, Unix seconds.",
            status.created_on.timestamp(),
        )
        yield GaugeMetricFamily("hallmarket_log_queue", "Entries waiting to be sequenced.", status.queue)
        yield GaugeMetricFamily(
            "hallmarket_log_sequencing_lag_seconds", "How long the oldest waiting entry has waited.", status.lag_s
        )


class JobMetrics(Collector):
    """Gauges of the background jobs, for the kinds that have jobs in the table."""

    def __init__(self, counts: Sequence[JobCount]) -> None:
        self._counts = counts

    def collect(self) -> Iterable[Metric]:
        """Yield the gauges by kind of job."""
        jobs = GaugeMetricFamily("hallmarket_jobs", "Background jobs.", labels=["kind", "state"])
        oldest = GaugeMetricFamily(
            "hallmarket_jobs_oldest_seconds", "How long the oldest waiting background job has waited.", labels=["kind"]
        )
        for count in self._counts:
            for state, value in (("waiting", count.waiting), ("running", count.running), ("failed", count.failed)):
                jobs.add_metric([count.kind, state], value)
            oldest.add_metric([count.kind], count.oldest_s)
        yield from (jobs, oldest)


def _describe(origin: str, status: LogStatus) -> LogState:
    root = base64.b64encode(status.root_hash).decode()
    newest = NewestCheckpoint(status.number, status.size, root, iso_time(status.created_on))
    return LogState(origin, status.size, status.queue, round(status.lag_s, 3), newest)
