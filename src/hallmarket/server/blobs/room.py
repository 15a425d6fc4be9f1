"""The room of stored bytes."""

from collections.abc import Sequence
from typing import Annotated

from hallmarket.server.errors import Refusal
from hallmarket.server.room import MaintenanceTask, Room, Services
from hallmarket.server.settings import Help, Settings, SettingsGroup


class BlobsSettings(SettingsGroup, frozen=True, kw_only=True):
    """Settings of the object store."""

    blobs: Annotated[
        str, Help("where uploaded bytes are stored, s3://…, gs://… or az://…, instead of the data folder", "URL")
    ] = ""

    def check(self, server: Settings) -> None:  # noqa: ARG002
        """Raises Refusal unless the URL names a bucket of a known store."""
        scheme, _, location = self.blobs.partition("://")
        if self.blobs and not (scheme in ("s3", "gs", "az") and location.split("/")[0]):
            raise Refusal("--blobs must be s3://BUCKET/FOLDER, gs://BUCKET/FOLDER or az://CONTAINER/FOLDER.")


class BlobsRoom(Room):
    """Stored bytes, in a folder or an object store."""

    settings = BlobsSettings

    def provide(self, services: Services) -> None:
        """Add the blob store."""
        from hallmarket.server.blobs.blob_store import BlobStore
        from hallmarket.server.blobs.object_store import ObjectStore
        from hallmarket.server.database.connections import Database

        url, folder = services.settings.of(BlobsSettings).blobs, services.settings.data / "blobs"
        services.add(ObjectStore, lambda: ObjectStore(url, folder))
        services.add(BlobStore, lambda: BlobStore(services.get(Database), services.get(ObjectStore)))

    def maintenance(self, services: Services) -> Sequence[MaintenanceTask]:
        """Delete bytes that no row refers to."""
        from hallmarket.server.blobs.delete_unused import delete_unused_blobs
        from hallmarket.server.blobs.object_store import ObjectStore
        from hallmarket.server.database.connections import Database

        return [lambda: delete_unused_blobs(services.get(Database), services.get(ObjectStore))]


ROOM = BlobsRoom()
