"""The room of table files."""

from typing import Annotated

from hallmarket.server.blobs.room import BlobsSettings
from hallmarket.server.room import Room, Services
from hallmarket.server.settings import Help, SettingsGroup


class TablesSettings(SettingsGroup, frozen=True, kw_only=True):
    """Settings of table files."""

    table_cache_mib: Annotated[
        int, Help("maximum size of the copies of a cloud's tables in the data folder, MiB", "MIB")
    ] = 10240


class TablesRoom(Room):
    """Table files in Delta Lake."""

    settings = TablesSettings

    def provide(self, services: Services) -> None:
        """Add the tables."""
        from hallmarket.server.tables.store import TableStore, make_table_store

        settings = services.settings
        cache_bytes = settings.of(TablesSettings).table_cache_mib * 1024 * 1024
        services.add(TableStore, lambda: make_table_store(settings.of(BlobsSettings).blobs, settings.data, cache_bytes))


ROOM = TablesRoom()
