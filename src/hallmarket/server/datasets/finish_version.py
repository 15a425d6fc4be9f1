"""Finish a version: commit its files to the table's Delta log, and its manifest to the public log."""

import hashlib
import os
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from hallmarket.proof.entry import DATASET_VERSION, SALT_BYTES, DatasetVersionClaims, DatasetVersionEntry, commit
from hallmarket.proof.manifest import Manifest, ManifestColumn, ManifestFile
from hallmarket.server.audit.record import record
from hallmarket.server.catalog.connections import set_connections
from hallmarket.server.catalog.update import set_asset_details
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.datasets.references import find_references
from hallmarket.server.datasets.thread_pool import run_in_thread
from hallmarket.server.datasets.types import SCHEMA, TABLE, Head
from hallmarket.server.errors import NotFound
from hallmarket.server.identity.types import iso_time
from hallmarket.server.principal import Principal
from hallmarket.server.tables.store import KEY_COLUMN, TableStore
from hallmarket.server.tables.types import Column, Snapshot
from hallmarket.server.tlog.append import append

sql = load_queries(__package__)

PREVIEW_ROWS = 12


class FinishedVersion(msgspec.Struct, frozen=True):
    """A version that is in the Delta log, and not yet in the database. Its head has the new version's number."""

    head: Head
    delta_version: int
    manifest: bytes
    preview: list[dict[str, Any]]
    references: list[UUID]


async def finish_version(tables: TableStore, head: Head) -> FinishedVersion:
    """Commit a head to the Delta log as the next version, and choose its key. Raises Conflict, Unavailable."""
    return await run_in_thread(_finish, tables, head)


def _finish(tables: TableStore, head: Head) -> FinishedVersion:
    key = head.key
    if key is None and head.is_new and head.snapshot.rows and tables.can_be_key(head.snapshot):
        key = KEY_COLUMN
    snapshot = tables.commit(head.snapshot)
    assert snapshot.delta_version is not None
    number = head.version + 1
    new_head = msgspec.structs.replace(head, key=key, version=number, is_new=head.is_new and not snapshot.rows)
    preview = make_preview(tables.head(snapshot, PREVIEW_ROWS))
    manifest = make_manifest(snapshot, number).encode()
    return FinishedVersion(new_head, snapshot.delta_version, manifest, preview, find_references(tables, snapshot))


async def insert_version(
    tx: Connection, finished: FinishedVersion, dataset_id: UUID, author_id: UUID, principal: Principal
) -> None:
    """Insert a finished version, and queue its log entry if `tx` commits. Raises NotFound if the dataset is gone."""
    dataset = await tx.fetchrow(sql.find_dataset, dataset_id)
    if dataset is None:
        raise NotFound("There is no such dataset.")
    version_id, salt, now = new_id(), os.urandom(SALT_BYTES), datetime.now(UTC)
    head, digest = finished.head, hashlib.sha3_512(finished.manifest)
    organization_id, name = dataset["organization_id"], dataset["name"]
    claims = make_claims(dataset_id, author_id, organization_id, name, now, head.snapshot.rows, head.version)
    entry = DatasetVersionEntry(commit(salt, claims), str(version_id), digest.hexdigest(), len(finished.manifest))
    await tx.execute(
        sql.create_version,
        *(version_id, dataset_id, head.version, author_id, organization_id, name, now),
        *(head.snapshot.rows, head.snapshot.size_bytes, finished.delta_version, head.key),
        *(finished.manifest.decode(), digest.digest(), salt),
    )
    await append(tx, DATASET_VERSION, [(version_id, entry.encode())])
    names = " ".join(column.name for column in head.snapshot.columns).replace("_", " ")
    await set_asset_details(tx, dataset_id, metadata=make_metadata(head), preview=finished.preview, body=names)
    await set_connections(tx, "reference", dataset_id, finished.references, author_id)
    await record(
        tx,
        principal,
        "dataset.version",
        organization_id=organization_id,
        subject_id=dataset_id,
        number=head.version,
        rows=head.snapshot.rows,
    )


def make_manifest(snapshot: Snapshot, number: int) -> Manifest:
    """Return a version's manifest: its columns, and its files with their hashes."""
    return Manifest(
        columns=tuple(_manifest_column(column) for column in snapshot.columns),
        dataset=str(snapshot.table_id),
        files=tuple(ManifestFile(file.name, file.rows, file.sha3_512, file.size_bytes) for file in snapshot.files),
        rows=snapshot.rows,
        version=number,
    )


def _manifest_column(column: Column) -> ManifestColumn:
    return ManifestColumn(
        column.name,
        column.type,
        column.nullable,
        column.label,
        column.enum_values,
        column.ref_kind,
        column.asset_type,
    )


def make_claims(
    dataset_id: UUID,
    author_id: UUID,
    organization_id: UUID | None,
    name: str | None,
    created_on: datetime,
    rows: int,
    number: int,
) -> DatasetVersionClaims:
    """Return the claims that a version's log entry commits to."""
    return DatasetVersionClaims(
        createdOn=iso_time(created_on),
        creator=str(author_id),
        dataset=str(dataset_id),
        name=name,
        organization=None if organization_id is None else str(organization_id),
        rows=rows,
        version=number,
    )


def make_metadata(head: Head) -> dict[str, Any]:
    """Return the `metadata` of a dataset's asset."""
    columns = head.snapshot.columns
    refs = {
        column.name: {"kind": column.ref_kind} | ({"asset_type": column.asset_type} if column.asset_type else {})
        for column in columns
        if column.ref_kind
    }
    return {
        "table_name": TABLE,
        "schema": SCHEMA,
        "columns": [column.name for column in columns],
        "table_size": head.snapshot.size_bytes,
        "row_count": head.snapshot.rows,
        "version": head.version,
        "key": head.key,
        "refs": refs,
        "enum_columns": {
            column.name: {"values": list(column.enum_values)} for column in columns if column.enum_values is not None
        },
    }


def make_preview(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows with values that JSON and PostgreSQL can hold."""
    return [{name: _json_value(value) for name, value in row.items()} for row in rows]


def _json_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return iso_time(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")  # PostgreSQL cannot store NUL; the table can
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() and abs(value) < 2**63 else str(value)
    return value
