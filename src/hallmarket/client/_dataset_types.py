"""Types of the datasets API; times are ISO 8601 strings in UTC."""

from typing import Any, Literal

import msgspec

from hallmarket.client._exchange_types import Pagination, Person

WriteMode = Literal["append", "overwrite", "upsert", "update"]


class Column(msgspec.Struct, frozen=True):
    """A column of a dataset; `type` is a PostgreSQL type name."""

    name: str
    type: str
    is_nullable: Any = None
    semantic_type: str | None = None


class DatasetStats(msgspec.Struct, frozen=True, rename={"column_count": "columnCount"}):
    """A dataset's number of rows and columns, and its size."""

    count: int
    column_count: int
    size_bytes: int | None = None


class DatasetVersion(msgspec.Struct, frozen=True):
    """A finished version of a dataset.

    `sha3_512` is its manifest's fingerprint. `status` is ACCEPTED, ANCHORED or FAILED. `delta_version` is the number
    of the Delta Lake table's version.
    """

    number: int
    created_at: str
    rows: int
    size_bytes: int
    sha3_512: str
    status: int
    delta_version: int
    user_id: str
    user: Person | None = None


class Ingested(msgspec.Struct, frozen=True):
    """How many rows a write inserted, updated and skipped."""

    inserted: int = 0
    updated: int = 0
    skipped: int = 0

    def __add__(self, other: "Ingested") -> "Ingested":
        return Ingested(self.inserted + other.inserted, self.updated + other.updated, self.skipped + other.skipped)


class QueryResult(msgspec.Struct, frozen=True):
    """The rows that a query returned, and the SQL that was run."""

    data: list[dict[str, Any]]
    query: str | None = None
    pagination: Pagination | None = None
