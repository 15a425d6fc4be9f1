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
            "Posts and comments: markdown beside its document.",
            ("/posts", "/comments", "/utilities"),
        ),
    )

    def routes(self, services: Services) -> "Sequence[HTTPRouteHandler]":
        """The routes of posts and comments."""
        from hallmarket.server.database.connections import Database
        from hallmarket.server.posts.routes import posts_routes

        embedders = {kind: each for room in services.rooms for kind, each in room.embeddable(services).items()}
        return posts_routes(services.get(Database), embedders)

    def downloads(self, services: Services) -> Mapping[str, Any]:
        """Posts and comments download as HTML or markdown."""
        from hallmarket.server.database.connections import Database
        from hallmarket.server.posts.content_provider import PostContentProvider

        texts = PostContentProvider(services.get(Database))
        return {"post": texts, "comment": texts}

    def embeddable(self, services: Services) -> Mapping[str, Any]:  # noqa: ARG002
        """Posts can be written inside a post."""
        from hallmarket.server.posts.embedded_assets import PostEmbedder

        return {"post": PostEmbedder()}


ROOM = PostsRoom()
