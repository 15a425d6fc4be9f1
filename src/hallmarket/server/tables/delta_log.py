"""A table's Delta log: one commit for each finished version, so that Spark, Trino, Daft and DuckDB read it in place.

The database decides which files a version consists of, and the log follows. A commit brings the log to exactly the
requested files from any state. So if a crash separated a commit from its version, the next commit completes or undoes
it.
"""

import json
import time
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import msgspec
import structlog
from deltalake import CommitProperties, DeltaTable, Schema, TableFeatures
from deltalake.exceptions import DeltaError
from deltalake.transaction import AddAction, RemoveAction

from hallmarket.server.errors import Conflict, Unavailable
from hallmarket.server.tables.file_store import FileStore
from hallmarket.server.tables.fsync import flush_file, flush_folders
from hallmarket.server.tables.types import DataFile, Snapshot, arrow_schema

LOG_FOLDER = "_delta_log"
# Every version stays readable: neither its log nor its files expire.
RETENTION: dict[str, str | None] = {
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 36500 days",
    "delta.deletedFileRetentionDuration": "interval 36500 days",
}
NO_RETRY = CommitProperties(max_commit_retries=0)  # a retry would merge with another program's commit
log = structlog.get_logger()


def commit_snapshot(store: FileStore, snapshot: Snapshot) -> Snapshot:
    """Commit a snapshot as the newest version of its table's Delta log; durable when this returns.

    Returns the snapshot with its Delta version. Raises Conflict if another commit happens at the same time;
    Unavailable.
    """
    try:
        version = _commit(store, snapshot)
        if store.is_local:
            _flush(Path(store.uri(snapshot.table_id)), version)
    except (DeltaError, OSError) as error:
        log.warning("the Delta log failed", error=str(error))
        if "Failed to commit transaction" in str(error):
            raise Conflict("Another write to this dataset was committed first. Try again.") from error
        raise Unavailable("The object store is unavailable or full. Nothing was saved; try again.") from error
    return msgspec.structs.replace(snapshot, delta_version=version)


def _commit(store: FileStore, snapshot: Snapshot) -> int:
    schema = Schema.from_arrow(arrow_schema(snapshot.columns))
    table = _open(store, snapshot.table_id, schema)
    present = {uri.rpartition("/")[2] for uri in table.file_uris()}
    required = {file.name: file for file in snapshot.files}
    if table.schema() == schema and present == required.keys():
        return int(table.version())
    if table.schema() != schema:
        # No file with the old columns fits the new ones, so all files are replaced.
        _allow_naive_timestamps(table, snapshot)
        table.create_write_transaction(
            [_add(file) for file in snapshot.files], "overwrite", schema, commit_properties=NO_RETRY
        )
    else:
        removed = [RemoveAction(name, True, _now_ms(), partition_values={}) for name in present - required.keys()]
        added = [_add(file) for file in snapshot.files if file.name not in present]
        table.create_write_transaction([*removed, *added], "append", schema, commit_properties=NO_RETRY)
    table.update_incremental()
    return int(table.version())


def _open(store: FileStore, table_id: UUID, schema: Schema) -> DeltaTable:
    uri, options = store.uri(table_id), storage_options(store)
    if not DeltaTable.is_deltatable(uri, options):
        DeltaTable.create(uri, schema, configuration=RETENTION, storage_options=options, commit_properties=NO_RETRY)
    return DeltaTable(uri, storage_options=options)


def _allow_naive_timestamps(table: DeltaTable, snapshot: Snapshot) -> None:
    """Enable timestamps without a time zone: a Delta table must declare this feature before it uses it."""
    is_needed = any(column.type == "timestamp" for column in snapshot.columns)
    if is_needed and "timestampNtz" not in (table.protocol().writer_features or ()):
        table.alter.add_feature(
            TableFeatures.TimestampWithoutTimezone, allow_protocol_versions_increase=True, commit_properties=NO_RETRY
        )
        table.update_incremental()


def _add(file: DataFile) -> AddAction:
    return AddAction(file.name, file.size_bytes, {}, _now_ms(), True, json.dumps({"numRecords": file.rows}))


def _now_ms() -> int:
    return int(time.time() * 1000)


def _flush(table_folder: Path, version: int) -> None:
    folder = table_folder / LOG_FOLDER
    for path in folder.iterdir():
        # The newest commits, and checkpoints, into which the library may have merged them.
        number = path.name.partition(".")[0]
        if not number.isdigit() or int(number) >= version - 2:
            flush_file(path)
    flush_folders(folder, table_folder.parent.parent)


def storage_options(store: FileStore) -> dict[str, str] | None:
    """Options for the Delta library, in addition to the environment, which it reads as the object store does."""
    if store.is_local:
        return None
    scheme = urlsplit(store.uri(UUID(int=0))).scheme
    return {"allow_http": "true", "timeout": "60s", "connect_timeout": "5s"} | (
        {"aws_conditional_put": "etag"} if scheme == "s3" else {}
    )
