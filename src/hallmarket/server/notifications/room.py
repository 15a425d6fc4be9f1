"""The notifications room."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hallmarket.server.room import Area, Room, Services

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler


class NotificationsRoom(Room):
    """Notifications of people."""

    areas = (Area("Notifications", "Events that concern you.", ("/user/notifications",)),)
    scopes = ("notifications:read", "notifications:write")

    def routes(self, services: Services) -> "Sequence[HTTPRouteHandler]":
        """Return the routes of notifications."""
        from hallmarket.server.database.connections import Database
        from hallmarket.server.notifications.routes import notifications_routes

        return notifications_routes(services.get(Database))


ROOM = NotificationsRoom()
