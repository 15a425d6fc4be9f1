"""The room of anchored media."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

from hallmarket.server.room import Area, RateClass, Room, SequencingHandler, Services
from hallmarket.server.settings import Help, SettingsGroup

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler


class MediaSettings(SettingsGroup, frozen=True, kw_only=True):
    """Settings of anchoring and look-ups."""

    anchor_batch: Annotated[int, Help("maximum number of anchors committed together; 1 commits each alone", "N", 1)] = (
        1000
    )
    lookup_cache_mib: Annotated[
        int, Help("memory limit of each worker's cache of public look-ups, MiB; 0 disables it", "MIB")
    ] = 384


class MediaRoom(Room):
    """Anchoring, listing, look-up and proofs of media."""

    areas = (
        Area(
            "Media",
            "Anchor files by their fingerprints, and list what your organization anchored.",
            ("/v1/media", "/v1/users"),
        ),
        Area("Public media", "Look up and prove what is anchored, without a key.", ("/v1/public",)),
    )
    scopes = ("media:read", "media:anchor")
    rate_classes: Mapping[str, RateClass] = {"/v1/public/": "address"}
    settings = MediaSettings

    def provide(self, services: Services) -> None:
        """Add anchoring, the look-up cache, and the fast path to both."""
        from hallmarket.server.database.connections import Database
        from hallmarket.server.media.anchor import AnchorBatcher
        from hallmarket.server.media.fast_routes import FastRoutes
        from hallmarket.server.media.lookup_cache import Lookup

        settings, thumbnails = services.settings.of(MediaSettings), services.settings.cdn_url
        services.add(
            AnchorBatcher,
            lambda: AnchorBatcher(services.get(Database), settings.anchor_batch),
            close=AnchorBatcher.close,
        )
        services.add(
            Lookup,
            lambda: Lookup(services.get(Database), settings.lookup_cache_mib, thumbnails),
            run=Lookup.preload if settings.lookup_cache_mib else None,
        )
        services.add(FastRoutes, lambda: FastRoutes(services.get(AnchorBatcher), services.get(Lookup)))

    def routes(self, services: Services) -> "Sequence[HTTPRouteHandler]":
        """The routes of media."""
        from hallmarket.server.blobs.blob_store import BlobStore
        from hallmarket.server.data_folder import scratch_folder
        from hallmarket.server.database.connections import Database
        from hallmarket.server.media.fast_routes import FastRoutes
        from hallmarket.server.media.routes import media_routes
        from hallmarket.server.media.upload_routes import upload_routes

        database, settings = services.get(Database), services.settings
        return [
            *media_routes(database, services.get(FastRoutes), scratch_folder(settings.data), settings.cdn_url),
            *upload_routes(database, services.get(BlobStore), settings.max_upload_bytes, settings.cdn_url),
        ]

    def fast_paths(self, services: Services) -> Sequence[Any]:
        """One anchor, and the public look-up."""
        from hallmarket.server.http.edge import FastPath
        from hallmarket.server.media.fast_routes import FastRoutes

        routes = services.get(FastRoutes)
        return [FastPath(routes.find_handler, routes.find_cached)]

    def sequencing_handlers(self) -> Mapping[str, SequencingHandler]:
        """Mark media anchored."""
        from hallmarket.proof.entry import MEDIA
        from hallmarket.server.media.mark_anchored import mark_media_anchored

        return {MEDIA: mark_media_anchored}


ROOM = MediaRoom()
