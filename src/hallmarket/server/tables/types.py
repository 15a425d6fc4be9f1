"""Types of tables: columns, data files and snapshots."""

from collections.abc import Sequence
from uuid import UUID

import msgspec
import pyarrow as pa

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.tables.column_types import arrow_type


class Column(msgspec.Struct, frozen=True, omit_defaults=True):
    """One column: its normalised name, its PostgreSQL type, and what else is known about it.

    `original` is the name as it was first spelled; rows may continue to use it. `ref_kind` is "asset" or "action".
    """

    name: str
    type: str
    nullable: bool = True
    original: str | None = None
    label: str | None = None
    enum_values: tuple[str, ...] | None = None
    ref_kind: str | None = None
    asset_type: str | None = None


class DataFile(msgspec.Struct, frozen=True):
    """One Parquet file of a table, which never changes once written. `sha3_512` is 128 hexadecimal digits."""

    name: str
    size_bytes: int
    rows: int
    sha3_512: str


class Snapshot(msgspec.Struct, frozen=True):
    """The state of a table: its columns, and its files in row order.

    `delta_version` is None if the snapshot has not been committed to the table's Delta log.
    """

    table_id: UUID
    columns: tuple[Column, ...]
    files: tuple[DataFile, ...] = ()
    delta_version: int | None = None

    @property
    def rows(self) -> int:
        """The number of rows."""
        return sum(file.rows for file in self.files)

    @property
    def size_bytes(self) -> int:
        """The total size of the files."""
        return sum(file.size_bytes for file in self.files)

    def column(self, name: str) -> Column:
        """Get the column with this normalised name. Raises InvalidRequest if there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise InvalidRequest(f"There is no column {name}.", name)


def arrow_schema(columns: Sequence[Column]) -> pa.Schema:
    """Build the Arrow schema that every file of a table with these columns has."""
    return pa.schema([pa.field(column.name, arrow_type(column.type)) for column in columns])
