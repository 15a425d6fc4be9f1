"""HTTP routes of operations: `/healthz`, `/readyz` and `/metrics`."""

import base64
from collections.abc import Iterable, Sequence
from importlib.metadata import version
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
from hallmarket.server.http.metrics import REQUEST_METRICS
from hallmarket.server.http.openapi_components import response_spec
from hallmarket.server.identity.types import iso_time
from hallmarket.server.room import MetricSource, Services
from hallmarket.server.tlog.status import get_status
from hallmarket.server.tlog.types import LogStatus

NO_STORE = {"cache-control": "no-store"}
METRICS = {"success": {"text/plain": {"type": "string", "examples": ["hallmarket_log_size 6.0\n"]}}}


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


READINESS = {503: response_spec(Readiness, "The database is temporarily unavailable.")}


def operations_routes(services: Services) -> Sequence[HTTPRouteHandler]:
    """Return the routes of operations. The metrics are those that the rooms announce."""
    database, origin, release = services.get(Database), services.key.verifier_key.name, version("hallmarket")
    sources = [source for room in services.rooms for source in room.metrics(services)]

    @get("/healthz", summary="Check that the process is alive", sync_to_thread=False)
    def health() -> Response[Health]:
        return Response(Health(), headers=NO_STORE)

    @get("/readyz", summary="Check that the process and the database are ready", responses=READINESS)
    async def ready() -> Response[Readiness]:
        try:
            status = await get_status(database)
        except Unavailable:
            away = Readiness("unavailable", release, "away", None)
            return Response(away, status_code=503, headers=NO_STORE | {"retry-after": "1"})
        return Response(Readiness("ready", release, "ok", _describe(origin, status)), headers=NO_STORE)

    @get("/metrics", opt=METRICS, summary="Get the metrics in the Prometheus text format")
    async def metrics() -> Response[bytes]:
        REQUEST_METRICS.flush()
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        registry.register(_Gauges(await _read(sources)))
        return Response(generate_latest(registry), media_type="text/plain; version=0.0.4", headers=NO_STORE)

    return [health, ready, metrics]


class _Gauges(Collector):
    """A collector of gauges that have been read from the database."""

    def __init__(self, gauges: Sequence[Metric]) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        """Return the gauges."""
        return self._gauges


async def _read(sources: Sequence[MetricSource]) -> list[Metric]:
    """Read every room's gauges and whether the database is available; only the latter if it is not."""
    try:
        found = [gauge for source in sources for gauge in await source()]
    except Unavailable:
        found = []
        is_up = 0.0
    else:
        is_up = 1.0
    return [GaugeMetricFamily("hallmarket_database_up", "Whether the database answers.", is_up), *found]


def _describe(origin: str, status: LogStatus) -> LogState:
    root = base64.b64encode(status.root_hash).decode()
    newest = NewestCheckpoint(status.number, status.size, root, iso_time(status.created_on))
    return LogState(origin, status.size, status.queue, round(status.lag_s, 3), newest)
