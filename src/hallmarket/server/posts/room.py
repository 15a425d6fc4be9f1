"""The room of posts and comments."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hallmarket.server.room import Area, Room, Services

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler


class PostsRoom(Room):
    """Posts and comments."""

    areas = (
        Area(
            "Posts and comments",
            "Posts and comments: Markdown and documents.",
            ("/posts", "/comments", "/utilities"),
        ),
    )

    def routes(self, services: Services) -> "Sequence[HTTPRouteHandler]":
        """Return the routes of posts and comments."""
        from hallmarket.server.database.connections import Database
        from hallmarket.server.posts.routes import posts_routes

        embedders = {
            asset_type: embedder
            for room in services.rooms
            for asset_type, embedder in room.embeddable(services).items()
        }
        return posts_routes(services.get(Database), embedders)

    def downloads(self, services: Services) -> Mapping[str, Any]:
        """Return the content provider of posts and comments."""
        from hallmarket.server.database.connections import Database
        from hallmarket.server.posts.content_provider import PostContentProvider

        provider = PostContentProvider(services.get(Database))
        return {"post": provider, "comment": provider}

    def embeddable(self, services: Services) -> Mapping[str, Any]:  # noqa: ARG002
        """Return the embedder of posts."""
        from hallmarket.server.posts.embedded_assets import PostEmbedder

        return {"post": PostEmbedder()}


ROOM = PostsRoom()
