"""The room of thumbnails."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from hallmarket.server.room import JobHandler, LongRunningTask, Room, Services

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler


class PreviewsRoom(Room):
    """Thumbnails of pictures, videos and PDFs, made by confined processes."""

    def provide(self, services: Services) -> None:
        """Add the decoder processes."""
        from hallmarket.server.previews.decoder_pool import DecoderPool

        services.add(DecoderPool, DecoderPool)

    def routes(self, services: Services) -> "Sequence[HTTPRouteHandler]":
        """The route of thumbnails."""
        from hallmarket.server.blobs.blob_store import BlobStore
        from hallmarket.server.data_folder import scratch_folder
        from hallmarket.server.database.connections import Database
        from hallmarket.server.previews.routes import preview_routes

        return preview_routes(services.get(Database), services.get(BlobStore), scratch_folder(services.settings.data))

    def jobs(self, services: Services) -> Mapping[str, JobHandler]:
        """Make a thumbnail."""
        from hallmarket.server.blobs.blob_store import BlobStore
        from hallmarket.server.data_folder import scratch_folder
        from hallmarket.server.database.connections import Database
        from hallmarket.server.previews.decoder_pool import DecoderPool
        from hallmarket.server.previews.make_thumbnail import ThumbnailMaker
        from hallmarket.server.previews.types import MAKE_THUMBNAIL

        maker = ThumbnailMaker(
            services.get(Database),
            services.get(BlobStore),
            services.get(DecoderPool),
            scratch_folder(services.settings.data),
            tuple(listener for room in services.rooms for listener in room.preview_listeners(services)),
        )
        return {MAKE_THUMBNAIL: JobHandler(maker.make, maker.give_up)}

    def long_running(self, services: Services) -> Sequence[LongRunningTask]:
        """Stop idle decoder processes."""
        from hallmarket.server.previews.decoder_pool import DecoderPool

        return [services.get(DecoderPool).run]


ROOM = PreviewsRoom()
