"""Datasets as the wire knows them, and their versions."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.catalog.types import WireAsset
from hallmarket.server.identity.types import WireProfile, wire_profile
from hallmarket.server.tables.types import Column, DataFile, Snapshot

DATASET = "dataset"
SCHEMA = "datasets"  # where a dataset's table stands, for whoever asks for the schema it is in
TABLE = "data"  # and what it is called
Mode = Literal["append", "overwrite", "upsert", "update"]


class Version(msgspec.Struct, frozen=True):
    """A finished version: everything that reads rows reads one of these."""

    id: UUID
    dataset_id: UUID
    number: int
    snapshot: Snapshot
    key: str | None
    created_on: datetime


class Index(msgspec.Struct, frozen=True):
    """Columns whose values together must be unique, or only looked through; the newest puts the rows in order."""

    name: str
    columns: tuple[str, ...]
    is_unique: bool


class StoredHead(msgspec.Struct, frozen=True, omit_defaults=True):
    """A head as the database keeps it. `is_new`: its rows began anew since the last version, so its key is open."""

    columns: tuple[Column, ...]
    files: tuple[DataFile, ...]
    is_new: bool = False


class Head(msgspec.Struct, frozen=True):
    """A dataset as its newest acknowledged write left it."""

    snapshot: Snapshot
    version: int
    key: str | None
    is_new: bool
    pending_since: datetime | None
    pending_author_id: UUID | None
    indexes: Sequence[Index]

    @property
    def order(self) -> tuple[str, ...]:
        """The columns that rows are sorted by when they are written anew; none without an index."""
        return self.indexes[-1].columns if self.indexes else ()

    def with_snapshot(self, snapshot: Snapshot, *, is_new: bool = False) -> "Head":
        """The head with other columns or files."""
        return msgspec.structs.replace(self, snapshot=snapshot, is_new=self.is_new or is_new)


def read_head(row: asyncpg.Record, indexes: Sequence[asyncpg.Record]) -> Head:
    """A head from a dataset's row and its indexes'."""
    kept = msgspec.json.decode(row["head"], type=StoredHead)
    return Head(
        snapshot=Snapshot(row["asset_id"], kept.columns, kept.files),
        version=row["version"],
        key=row["key"],
        is_new=kept.is_new,
        pending_since=row["pending_since"],
        pending_author_id=row["pending_author_id"],
        indexes=[Index(index["name"], tuple(index["columns"]), index["is_unique"]) for index in indexes],
    )


class RowIngest(msgspec.Struct, frozen=True):
    """What became of the rows of a request."""

    inserted: int = 0
    updated: int = 0
    skipped: int = 0


class IngestWarning(msgspec.Struct, frozen=True, omit_defaults=True):
    """What of a write was left out, and why."""

    message: str
    ignored_columns: list[dict[str, Any]] | None = None
    refs: dict[str, Any] | None = None


class IngestResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to rows."""

    data: RowIngest
    row_ingest: RowIngest
    warning: IngestWarning | None = None
    error: None = None


class CreatedDataset(msgspec.Struct, frozen=True, omit_defaults=True):
    """The answer to a new dataset; `row_ingest` is there where rows were sent with it."""

    data: WireAsset
    row_ingest: RowIngest | None = None
    warning: IngestWarning | None = None
    error: None = None


class WireColumn(msgspec.Struct, frozen=True):
    """The reference's DatasetColumn, in both of its spellings."""

    name: str
    column_name: str
    type: str
    data_type: str
    is_nullable: bool
    semantic_type: str | None
    ref_kind: str | None
    asset_type: str | None
    enum_values: list[str] | None
    label: str | None
    is_key: bool


class WireStats(msgspec.Struct, frozen=True, rename={"column_count": "columnCount"}):
    """The reference's DatasetStats; sizes are bytes."""

    count: int
    column_count: int
    is_estimate: bool
    columns: list[str]
    table_name: str
    schema: str
    size_bytes: int
    table_size: int
    version: int


class WireIndex(msgspec.Struct, frozen=True):
    """The reference's DatasetIndex."""

    name: str
    columns: list[str]
    is_unique: bool
    is_primary: bool
    is_constraint: bool
    size_bytes: int


class WireView(msgspec.Struct, frozen=True):
    """The reference's DatasetView: a saved visualization."""

    id: UUID
    dataset_id: UUID
    name: str
    description: str | None
    sql_query: str | None
    config: dict[str, Any]
    engine_type: str
    created_by: UUID
    created_at: datetime
    last_updated: datetime


class WireVersion(msgspec.Struct, frozen=True):
    """A version of a dataset; `sha3_512` is its manifest's."""

    id: UUID
    dataset_id: UUID
    number: int
    created_at: datetime
    user_id: UUID
    user: WireProfile
    rows: int
    column_count: int
    size_bytes: int
    delta_version: int
    sha3_512: str
    status: int  # 2 accepted, 3 anchored, 4 failed, as media have it
    leaf_index: int | None  # where it stands in the log, and what says so; null until then
    checkpoint_number: int | None
    anchored_at: datetime | None


def wire_version(row: asyncpg.Record) -> WireVersion:
    """A version from a row of `list_versions`."""
    return WireVersion(
        id=row["id"],
        dataset_id=row["dataset_id"],
        number=row["number"],
        created_at=row["created_on"],
        user_id=row["person_id"],
        user=wire_profile(row),
        rows=row["row_count"],
        column_count=row["column_count"],
        size_bytes=row["size"],
        delta_version=row["delta_version"],
        sha3_512=row["sha3_512"].hex(),
        status=row["status"],
        leaf_index=row["leaf_index"],
        checkpoint_number=row["checkpoint_number"],
        anchored_at=row["anchored_on"],
    )


def wire_column(column: Column, key: str | None) -> WireColumn:
    """A column as the wire shows it."""
    semantic = "reference" if column.ref_kind else "enum" if column.enum_values else None
    return WireColumn(
        name=column.name,
        column_name=column.name,
        type=column.type,
        data_type=column.type,
        is_nullable=column.nullable,
        semantic_type=semantic,
        ref_kind=column.ref_kind,
        asset_type=column.asset_type,
        enum_values=list(column.enum_values) if column.enum_values else None,
        label=column.label,
        is_key=column.name == key,
    )
