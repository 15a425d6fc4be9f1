"""The operations room: health, readiness and metrics."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from hallmarket.server.room import Area, RateClass, Room, Services

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler


class OperationsRoom(Room):
    """Health, readiness and metrics."""

    areas = (Area("Operations", "Health checks and metrics for operators.", ("/healthz", "/readyz", "/metrics")),)
    rate_classes: Mapping[str, RateClass] = {"/healthz": "unlimited", "/readyz": "unlimited", "/metrics": "unlimited"}

    def routes(self, services: Services) -> "Sequence[HTTPRouteHandler]":
        """Return the routes of operations."""
        from hallmarket.server.operations.routes import operations_routes

        return operations_routes(services)


ROOM = OperationsRoom()
