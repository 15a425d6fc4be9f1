"""The teams room."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hallmarket.server.room import Area, Room, Services

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler


class TeamsRoom(Room):
    """Teams of organizations."""

    areas = (Area("Teams", "Teams: membership, requests to join, bans.", ("/teams",)),)
    scopes = ("teams:read", "teams:write")

    def routes(self, services: Services) -> "Sequence[HTTPRouteHandler]":
        """Return the routes of teams."""
        from hallmarket.server.database.connections import Database
        from hallmarket.server.teams.routes import teams_routes

        return teams_routes(services.get(Database))


ROOM = TeamsRoom()
