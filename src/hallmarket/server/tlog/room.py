"""The room of the transparency log."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated

from hallmarket.server.room import Area, MetricSource, RateClass, Room, Services
from hallmarket.server.settings import Help, SettingsGroup

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler


class LogSettings(SettingsGroup, frozen=True, kw_only=True):
    """Settings of the log."""

    log_key: Annotated[
        str, Help("the log's signing key, PRIVATE+KEY+…, instead of the file log.key in the data folder", "KEY")
    ] = ""
    log_origin: Annotated[str, Help("name of the log, fixed for good at the first start", "NAME")] = ""
    checkpoint_interval_ms: Annotated[
        int, Help("minimum time between two checkpoints of the log, milliseconds", "MS", 10)
    ] = 250


class TlogRoom(Room):
    """The public, append-only log."""

    areas = (Area("Log", "The public log in C2SP's formats: checkpoint, key, tiles.", ("/log",)),)
    rate_classes: Mapping[str, RateClass] = {"/log/": "unlimited"}
    settings = LogSettings

    def routes(self, services: Services) -> "Sequence[HTTPRouteHandler]":
        """The routes of the log."""
        from hallmarket.server.database.connections import Database
        from hallmarket.server.tlog.routes import log_routes

        return log_routes(services.get(Database), str(services.key.verifier_key))

    def metrics(self, services: Services) -> Sequence[MetricSource]:
        """The log's size, queue and newest checkpoint."""
        from hallmarket.server.database.connections import Database
        from hallmarket.server.tlog.metrics import read_log_metrics

        return [lambda: read_log_metrics(services.get(Database))]


ROOM = TlogRoom()
