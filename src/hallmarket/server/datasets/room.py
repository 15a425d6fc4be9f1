"""The room of datasets."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from hallmarket.server.room import Area, JobHandler, MaintenanceTask, Room, SequencingHandler, Services

if TYPE_CHECKING:
    from litestar.handlers import HTTPRouteHandler


class DatasetsRoom(Room):
    """Datasets: tables with versions, queries and exports."""

    areas = (
        Area(
            "Datasets",
            "Tables: create, fill, update and query them. Every finished write is a version that never changes.",
            ("/datasets",),
        ),
    )

    def provide(self, services: Services) -> None:
        """Add the exporter."""
        from hallmarket.server.database.connections import Database
        from hallmarket.server.datasets.export import DatasetExporter
        from hallmarket.server.query_engine.engine import QueryEngine
        from hallmarket.server.tables.store import TableStore

        services.add(
            DatasetExporter,
            lambda: DatasetExporter(services.get(Database), services.get(TableStore), services.get(QueryEngine)),
        )

    def routes(self, services: Services) -> "Sequence[HTTPRouteHandler]":
        """Return the routes of datasets."""
        from hallmarket.server.blobs.blob_store import BlobStore
        from hallmarket.server.data_folder import scratch_folder
        from hallmarket.server.database.connections import Database
        from hallmarket.server.datasets.create_from_file import TableFiles
        from hallmarket.server.datasets.export import DatasetExporter
        from hallmarket.server.datasets.query_routes import query_routes
        from hallmarket.server.datasets.routes import datasets_routes
        from hallmarket.server.datasets.version_routes import version_routes
        from hallmarket.server.datasets.write_routes import write_routes
        from hallmarket.server.query_engine.engine import QueryEngine
        from hallmarket.server.tables.store import TableStore

        database, tables, settings = services.get(Database), services.get(TableStore), services.settings
        files = TableFiles(services.get(BlobStore), scratch_folder(settings.data), settings.max_upload_bytes)
        return [
            *query_routes(database, tables, services.get(QueryEngine), services.get(DatasetExporter)),
            *datasets_routes(database, tables),
            *write_routes(database, tables, files),
            *version_routes(database, tables),
        ]

    def jobs(self, services: Services) -> Mapping[str, JobHandler]:
        """Return the handler of compaction jobs."""
        from hallmarket.server.database.connections import Database
        from hallmarket.server.datasets.compact import compact_dataset, log_failed_compaction
        from hallmarket.server.datasets.request_compaction import COMPACT
        from hallmarket.server.tables.store import TableStore

        return {
            COMPACT: JobHandler(
                partial(compact_dataset, services.get(Database), services.get(TableStore)), log_failed_compaction
            )
        }

    def maintenance(self, services: Services) -> Sequence[MaintenanceTask]:
        """Return the tasks that finish abandoned writes and delete orphaned files."""
        from hallmarket.server.database.connections import Database
        from hallmarket.server.datasets.delete_orphaned_files import delete_orphaned_files
        from hallmarket.server.datasets.finish_abandoned import finish_abandoned_writes
        from hallmarket.server.tables.store import TableStore

        return [
            lambda: finish_abandoned_writes(services.get(Database), services.get(TableStore)),
            lambda: delete_orphaned_files(services.get(Database), services.get(TableStore)),
        ]

    def sequencing_handlers(self) -> Mapping[str, SequencingHandler]:
        """Return the handler that marks versions as anchored."""
        from hallmarket.proof.entry import DATASET_VERSION
        from hallmarket.server.datasets.mark_anchored import mark_versions_anchored

        return {DATASET_VERSION: mark_versions_anchored}

    def downloads(self, services: Services) -> Mapping[str, Any]:
        """Return the content provider of datasets."""
        from hallmarket.server.datasets.export import DatasetExporter

        return {"dataset": services.get(DatasetExporter)}

    def embeddable(self, services: Services) -> Mapping[str, Any]:
        """Return the embedder of datasets."""
        from hallmarket.server.database.connections import Database
        from hallmarket.server.datasets.embedded_dataset import DatasetEmbedder
        from hallmarket.server.tables.store import TableStore

        return {"dataset": DatasetEmbedder(services.get(Database), services.get(TableStore))}


ROOM = DatasetsRoom()
