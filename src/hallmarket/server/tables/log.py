"""A table's Delta log: one commit for each finished version, so that Spark, Trino, Daft or DuckDB read it in place.

What a version consists of is decided elsewhere; the log follows. A commit brings the log to exactly the files asked
for, wherever it stood, so one that a crash had cut off from its version is undone or completed by the next.
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
from hallmarket.server.tables.files import Files, flush_file, flush_folders
from hallmarket.server.tables.types import File, Snapshot, arrow_schema

LOG_FOLDER = "_delta_log"
# Every version is promised: neither its log nor its files go by age.
KEEP: dict[str, str | None] = {
    "delta.enableExpiredLogCleanup": "false",
    "delta.logRetentionDuration": "interval 36500 days",
    "delta.deletedFileRetentionDuration": "interval 36500 days",
}
ONCE = CommitProperties(max_commit_retries=0)  # whoever else commits has no right to: never merge with them
log = structlog.get_logger()


def commit(files: Files, snapshot: Snapshot) -> Snapshot:
    """The snapshot with the number of the Delta version that it is now; durable when this returns.

    Raises Conflict if somebody else commits at this moment, Unavailable.
    """
    try:
        version = _commit(files, snapshot)
        if files.is_local:
            _flush(Path(files.uri(snapshot.table_id)), version)
    except (DeltaError, OSError) as error:
        log.warning("the Delta log failed", error=str(error))
        if "Failed to commit transaction" in str(error):
            raise Conflict("Another write to this dataset was quicker; try again.") from error
        raise Unavailable("The object store is away or full. Nothing was kept; try again.") from error
    return msgspec.structs.replace(snapshot, delta_version=version)


def _commit(files: Files, snapshot: Snapshot) -> int:
    schema = Schema.from_arrow(arrow_schema(snapshot.columns))
    table = _open(files, snapshot.table_id, schema)
    present = {uri.rpartition("/")[2] for uri in table.file_uris()}
    wanted = {file.name: file for file in snapshot.files}
    if table.schema() == schema and present == wanted.keys():
        return int(table.version())
    if table.schema() != schema:
        # No file of the old columns fits the new ones: all are replaced.
        _allow_plain_timestamps(table, snapshot)
        table.create_write_transaction(
            [_add(file) for file in snapshot.files], "overwrite", schema, commit_properties=ONCE
        )
    else:
        gone = [RemoveAction(name, True, _now_ms(), partition_values={}) for name in present - wanted.keys()]
        added = [_add(file) for file in snapshot.files if file.name not in present]
        table.create_write_transaction([*gone, *added], "append", schema, commit_properties=ONCE)
    table.update_incremental()
    return int(table.version())


def _open(files: Files, table_id: UUID, schema: Schema) -> DeltaTable:
    uri, options = files.uri(table_id), storage_options(files)
    if not DeltaTable.is_deltatable(uri, options):
        DeltaTable.create(uri, schema, configuration=KEEP, storage_options=options, commit_properties=ONCE)
    return DeltaTable(uri, storage_options=options)


def _allow_plain_timestamps(table: DeltaTable, snapshot: Snapshot) -> None:
    """Timestamps without a zone are a feature that a Delta table must declare before it has them."""
    has_one = any(column.type == "timestamp" for column in snapshot.columns)
    if has_one and "timestampNtz" not in (table.protocol().writer_features or ()):
        table.alter.add_feature(
            TableFeatures.TimestampWithoutTimezone, allow_protocol_versions_increase=True, commit_properties=ONCE
        )
        table.update_incremental()


def _add(file: File) -> AddAction:
    return AddAction(file.name, file.size_bytes, {}, _now_ms(), True, json.dumps({"numRecords": file.rows}))


def _now_ms() -> int:
    return int(time.time() * 1000)


def _flush(place: Path, version: int) -> None:
    folder = place / LOG_FOLDER
    for path in folder.iterdir():
        # The newest commits, and what the library may have folded them into.
        number = path.name.partition(".")[0]
        if not number.isdigit() or int(number) >= version - 2:
            flush_file(path)
    flush_folders(folder, place.parent.parent)


def storage_options(files: Files) -> dict[str, str] | None:
    """What the Delta library needs beside the environment, which it reads as our own object store does."""
    if files.is_local:
        return None
    scheme = urlsplit(files.uri(UUID(int=0))).scheme
    return {"allow_http": "true", "timeout": "60s", "connect_timeout": "5s"} | (
        {"aws_conditional_put": "etag"} if scheme == "s3" else {}
    )
