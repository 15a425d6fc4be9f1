"""What the child of `hallmarket serve` runs that answers nobody: queued jobs, and clearing away."""

from functools import partial

import uvloop

from hallmarket.server.blobs.blob_store import BlobStore
from hallmarket.server.blobs.delete_unused import delete_unused_blobs
from hallmarket.server.blobs.object_store import ObjectStore
from hallmarket.server.catalog.delete_old_events import delete_old_events
from hallmarket.server.child_process import name_process, run_until_stopped
from hallmarket.server.data_folder import scratch_folder
from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.compact import compact_dataset, log_failed_compaction
from hallmarket.server.datasets.delete_orphaned_files import delete_orphaned_files
from hallmarket.server.datasets.finish_abandoned import finish_abandoned_writes
from hallmarket.server.datasets.request_compaction import COMPACT
from hallmarket.server.files.delete_abandoned import delete_abandoned_uploads
from hallmarket.server.files.preview import show_thumbnails
from hallmarket.server.http.logging import configure_logging
from hallmarket.server.idempotency.store import delete_expired_responses
from hallmarket.server.jobs.background_process import BackgroundProcess
from hallmarket.server.jobs.delete_old import delete_old_jobs
from hallmarket.server.jobs.runner import JobRunner
from hallmarket.server.jobs.types import JobHandler
from hallmarket.server.previews.decoder_pool import DecoderPool
from hallmarket.server.previews.make_thumbnail import ThumbnailMaker
from hallmarket.server.previews.types import MAKE_THUMBNAIL
from hallmarket.server.settings import Settings
from hallmarket.server.tables.store import make_table_store
from hallmarket.server.wallet.fold import fold, keep_folding

BACKGROUND_CONNECTIONS = 4


def run_background(settings: Settings, database_url: str) -> None:
    """Do queued jobs and clear away until SIGTERM; what is in hand is finished or given back first."""
    configure_logging(settings.log_level)
    name_process("hm-background")
    background = make_background(settings, database_url)
    uvloop.run(run_until_stopped(background.run, background.stop))


def make_background(settings: Settings, database_url: str) -> BackgroundProcess:
    """The background process: what is done for each kind of job, and what is cleared away."""
    database = Database(database_url, BACKGROUND_CONNECTIONS)
    store = ObjectStore(settings.blobs, settings.data / "blobs")
    blobs = BlobStore(database, store)
    tables = make_table_store(settings)
    maintenance_tasks = (
        lambda: delete_expired_responses(database),
        lambda: delete_abandoned_uploads(database),
        lambda: delete_unused_blobs(database, store),
        lambda: delete_old_jobs(database),
        lambda: delete_old_events(database),
        lambda: fold(database),
        lambda: finish_abandoned_writes(database, tables),
        lambda: delete_orphaned_files(database, tables),
    )
    decoders = DecoderPool()
    scratch, listeners = scratch_folder(settings.data), (show_thumbnails(settings.cdn_url),)
    thumbnails = ThumbnailMaker(database, blobs, decoders, scratch, listeners)
    handlers = {
        MAKE_THUMBNAIL: JobHandler(thumbnails.make, thumbnails.give_up),
        COMPACT: JobHandler(partial(compact_dataset, database, tables), log_failed_compaction),
    }
    return BackgroundProcess(
        database,
        JobRunner(database_url, handlers),
        maintenance_tasks,
        long_running_tasks=(decoders.run, lambda: keep_folding(database)),
    )
