"""For operators: `/healthz`, `/readyz` and `/metrics`."""

import base64
from collections.abc import Iterable, Sequence
from typing import Any

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from hallmarket.server.database.pool import Database
from hallmarket.server.errors import Unavailable
from hallmarket.server.http.metrics import REQUEST_FIGURES
from hallmarket.server.identity.types import iso_time
from hallmarket.server.tlog.publish import get_status
from hallmarket.server.tlog.types import LogStatus

NO_STORE = {"cache-control": "no-store"}


def operations_routes(database: Database, origin: str, version: str) -> Sequence[HTTPRouteHandler]:
    """The routes of operations."""

    @get("/healthz", summary="Alive: this process answers", sync_to_thread=False)
    def health() -> Response[dict[str, str]]:
        return Response({"status": "ok"}, headers=NO_STORE)

    @get("/readyz", summary="Ready: the database answers too")
    async def ready() -> Response[dict[str, Any]]:
        try:
            status = await get_status(database)
        except Unavailable:
            answer: dict[str, Any] = {"status": "unavailable", "version": version, "database": "away", "log": None}
            return Response(answer, status_code=503, headers=NO_STORE | {"retry-after": "1"})
        answer = {"status": "ready", "version": version, "database": "ok", "log": _describe(origin, status)}
        return Response(answer, headers=NO_STORE)

    @get("/metrics", summary="Figures for Prometheus")
    async def metrics() -> Response[bytes]:
        REQUEST_FIGURES.hand_over()
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
        try:
            registry.register(LogFigures(await get_status(database)))
        except Unavailable:
            registry.register(LogFigures(None))
        return Response(generate_latest(registry), media_type="text/plain; version=0.0.4", headers=NO_STORE)

    return [health, ready, metrics]


class LogFigures(Collector):
    """The log's own figures, true at the moment of asking whichever process answers."""

    def __init__(self, status: LogStatus | None) -> None:
        self._status = status

    def collect(self) -> Iterable[Metric]:
        """The gauges; while the database is away only that it is."""
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


def _describe(origin: str, status: LogStatus) -> dict[str, Any]:
    return {
        "origin": origin,
        "size": status.size,
        "queue": status.queue,
        "lagSeconds": round(status.lag_s, 3),
        "checkpoint": {
            "number": status.number,
            "size": status.size,
            "root": base64.b64encode(status.root_hash).decode(),
            "createdOn": iso_time(status.created_on),
        },
    }
