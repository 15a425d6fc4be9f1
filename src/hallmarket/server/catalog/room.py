"""The catalog: assets of every type."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hallmarket.server.room import Area, MaintenanceTask, Room, Services

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler


class CatalogRoom(Room):
    """Assets: access, sharing, search, connections, downloads and counters."""

    areas = (
        Area(
            "Assets",
            "Assets of every type: share them, find them, and see how they relate to each other.",
            ("/assets", "/downloads", "/search"),
        ),
    )
    scopes = ("assets:read", "assets:write")

    def provide(self, services: Services) -> None:
        """Add signed URLs, and the content providers that the rooms announce."""
        from hallmarket.server.catalog.content_provider import ContentProviders
        from hallmarket.server.catalog.signed_urls import SignedUrls
        from hallmarket.server.identity.authenticate import ApiKeyAuthenticator

        public_url = services.settings.public_url
        services.add(SignedUrls, lambda: SignedUrls(services.get(ApiKeyAuthenticator), services.secret, public_url))
        services.add(
            ContentProviders,
            lambda: ContentProviders(
                {
                    asset_type: provider
                    for room in services.rooms
                    for asset_type, provider in room.downloads(services).items()
                }
            ),
        )

    def routes(self, services: Services) -> "Sequence[HTTPRouteHandler]":
        """Return the routes of assets."""
        from hallmarket.server.catalog.activity_routes import activity_routes
        from hallmarket.server.catalog.content_provider import ContentProviders
        from hallmarket.server.catalog.download_routes import download_routes
        from hallmarket.server.catalog.graph_routes import graph_routes
        from hallmarket.server.catalog.impact_routes import impact_routes
        from hallmarket.server.catalog.routes import catalog_routes
        from hallmarket.server.catalog.signed_urls import SignedUrls
        from hallmarket.server.database.connections import Database

        database = services.get(Database)
        return [
            *catalog_routes(database),
            *download_routes(database, services.get(ContentProviders), services.get(SignedUrls)),
            *graph_routes(database),
            *impact_routes(database),
            *activity_routes(database),
        ]

    def maintenance(self, services: Services) -> Sequence[MaintenanceTask]:
        """Return the task that deletes old view and download events."""
        from hallmarket.server.catalog.delete_old_events import delete_old_events
        from hallmarket.server.database.connections import Database

        return [lambda: delete_old_events(services.get(Database))]


ROOM = CatalogRoom()
