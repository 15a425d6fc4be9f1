"""Types of datasets: versions, heads, results of verbs, and how the API shows datasets."""

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
SCHEMA = "datasets"  # the schema and table names that the API shows for every dataset
TABLE = "data"
Mode = Literal["append", "overwrite", "upsert", "update"]


class Version(msgspec.Struct, frozen=True):
    """A finished version. Everything that reads rows reads a finished version."""

    id: UUID
    dataset_id: UUID
    number: int
    snapshot: Snapshot
    key: str | None
    created_on: datetime


class Index(msgspec.Struct, frozen=True):
    """An index over columns. Values of a unique index must not repeat; the newest index determines the row order."""

    name: str
    columns: tuple[str, ...]
    is_unique: bool


class StoredHead(msgspec.Struct, frozen=True, omit_defaults=True):
    """The JSON of a head in the database. See `Head`."""

    columns: tuple[Column, ...]
    files: tuple[DataFile, ...]
    is_new: bool = False


class Head(msgspec.Struct, frozen=True):
    """The state of a dataset after its newest acknowledged write. The next write starts from it.

    Between versions it may contain pending rows, which nobody reads until a write finishes them. `is_new` means that
    all rows were written since the last version, so that finishing chooses the key anew.
    """

    snapshot: Snapshot
    version: int
    key: str | None
    is_new: bool
    pending_since: datetime | None
    pending_author_id: UUID | None
    indexes: Sequence[Index]

    @property
    def order(self) -> tuple[str, ...]:
        """The columns that rows are sorted by; empty without an index."""
        return self.indexes[-1].columns if self.indexes else ()

    def with_snapshot(self, snapshot: Snapshot, *, is_new: bool = False) -> "Head":
        """Return the head with other columns or files."""
        return msgspec.structs.replace(self, snapshot=snapshot, is_new=self.is_new or is_new)

    def encode(self) -> str:
        """Return the head's JSON for the database."""
        stored = StoredHead(self.snapshot.columns, self.snapshot.files, self.is_new)
        return msgspec.json.encode(stored).decode()


def read_head(row: asyncpg.Record, indexes: Sequence[asyncpg.Record]) -> Head:
    """Read a head from the rows of a dataset and its indexes."""
    stored = msgspec.json.decode(row["head"], type=StoredHead)
    return Head(
        snapshot=Snapshot(row["asset_id"], stored.columns, stored.files),
        version=row["version"],
        key=row["key"],
        is_new=stored.is_new,
        pending_since=row["pending_since"],
        pending_author_id=row["pending_author_id"],
        indexes=[Index(index["name"], tuple(index["columns"]), index["is_unique"]) for index in indexes],
    )


class RowIngest(msgspec.Struct, frozen=True):
    """The number of rows that a request inserted, updated and skipped."""

    inserted: int = 0
    updated: int = 0
    skipped: int = 0


class IngestWarning(msgspec.Struct, frozen=True, omit_defaults=True):
    """The values and rows that a write left out, and why."""

    message: str
    ignored_columns: list[dict[str, Any]] | None = None
    refs: dict[str, Any] | None = None


class Ingested(msgspec.Struct, frozen=True):
    """The result of writing rows."""

    counts: RowIngest
    warning: IngestWarning | None = None


class CreatedDataset(msgspec.Struct, frozen=True):
    """A new dataset. `counts` is None if the request had no rows."""

    asset: WireAsset
    counts: RowIngest | None = None
    warning: IngestWarning | None = None


class RowsPage(msgspec.Struct, frozen=True):
    """A page of rows, or of a query's result. `rows` is a JSON array.

    `next_cursor` continues in the same version. `resolved_refs` is None unless requested.
    """

    rows: bytes
    offset: int
    limit: int
    total: int | None
    has_more: bool
    version: int
    next_cursor: str | None = None
    query: str | None = None
    resolved_refs: dict[str, Any] | None = None


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
    """The reference's DatasetStats; sizes are in bytes."""

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
    status: int  # as for media: 2 accepted, 3 anchored, 4 failed
    leaf_index: int | None  # this and the following are null until the version is anchored
    checkpoint_number: int | None
    anchored_at: datetime | None


def wire_version(row: asyncpg.Record) -> WireVersion:
    """Make a version from a row of the query `list_versions`."""
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
    """Return a column as the API shows it."""
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
