"""The room of files."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hallmarket.server.room import Area, MaintenanceTask, Room, Services

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler


class FilesRoom(Room):
    """Files: uploads, content and updates."""

    areas = (
        Area(
            "Files",
            "Files: upload, create, update and download them. Every content is anchored.",
            ("/files", "/uploads"),
        ),
    )

    def routes(self, services: Services) -> "Sequence[HTTPRouteHandler]":
        """Return the routes of files and uploads."""
        from hallmarket.server.blobs.blob_store import BlobStore
        from hallmarket.server.catalog.signed_urls import SignedUrls
        from hallmarket.server.data_folder import scratch_folder
        from hallmarket.server.database.connections import Database
        from hallmarket.server.files.routes import files_routes

        settings = services.settings
        return files_routes(
            services.get(Database),
            services.get(BlobStore),
            services.get(SignedUrls),
            scratch_folder(settings.data),
            settings.max_upload_bytes,
        )

    def maintenance(self, services: Services) -> Sequence[MaintenanceTask]:
        """Return the task that deletes abandoned uploads."""
        from hallmarket.server.database.connections import Database
        from hallmarket.server.files.delete_abandoned import delete_abandoned_uploads

        return [lambda: delete_abandoned_uploads(services.get(Database))]

    def downloads(self, services: Services) -> Mapping[str, Any]:
        """Return the content provider of files."""
        from hallmarket.server.blobs.blob_store import BlobStore
        from hallmarket.server.database.connections import Database
        from hallmarket.server.files.content_provider import FileContentProvider

        return {"file": FileContentProvider(services.get(Database), services.get(BlobStore))}

    def embeddable(self, services: Services) -> Mapping[str, Any]:
        """Return the embedder of files."""
        from hallmarket.server.blobs.blob_store import BlobStore
        from hallmarket.server.files.embedded_file import FileEmbedder

        return {"file": FileEmbedder(services.get(BlobStore))}

    def preview_listeners(self, services: Services) -> Sequence[Any]:
        """Return the listener that shows a thumbnail as its file's preview."""
        from hallmarket.server.files.set_preview import preview_setter

        return [preview_setter(services.settings.cdn_url)]


ROOM = FilesRoom()
