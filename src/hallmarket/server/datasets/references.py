"""Reference columns: declare them, check their values, and find what they refer to.

A row with an id that refers to nothing is left out with a warning; the other rows are written.
"""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.datasets.types import IngestWarning
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.principal import Principal
from hallmarket.server.tables.columns import get_column
from hallmarket.server.tables.store import TableStore
from hallmarket.server.tables.types import Column, Snapshot

sql = load_queries(__package__)

MAX_SHOWN = 20  # values or columns in a warning
MAX_CONNECTED = 1000  # assets that a version is connected to


class Reference(msgspec.Struct, frozen=True):
    """The kind and asset type that a column refers to."""

    kind: str = "asset"
    asset_type: str | None = None


class CheckedRows(msgspec.Struct, frozen=True):
    """Rows with valid references, their positions among all rows, and what to report of the others.

    `kept_rows` and `refs` are None if all rows are valid.
    """

    table: pa.Table
    kept_rows: pa.Array | None
    refs: dict[str, Any] | None


def references_as_text(columns: Sequence[Column]) -> tuple[Column, ...]:
    """Return the columns with reference columns as text, so that an invalid id does not reject the whole request."""
    return tuple(msgspec.structs.replace(column, type="text") if column.ref_kind else column for column in columns)


def declare_references(columns: Sequence[Column], refs: Mapping[str, Any]) -> tuple[Column, ...]:
    """Return the columns with the references that a request declares. Raises InvalidRequest."""
    references = {get_column(columns, name).name: _read_reference(value, name) for name, value in refs.items()}
    return tuple(
        msgspec.structs.replace(column, type="uuid", ref_kind=reference.kind, asset_type=reference.asset_type)
        if (reference := references.get(column.name))
        else column
        for column in columns
    )


async def check_references(
    connection: Connection, principal: Principal, columns: Sequence[Column], table: pa.Table
) -> CheckedRows:
    """Keep the rows whose references have the right type and that the principal may know of. Nulls are valid."""
    referring = [column for column in columns if column.ref_kind and table.column(column.name).null_count < len(table)]
    if not referring:
        return CheckedRows(table, None, None)
    is_valid = pa.array([True] * len(table), pa.bool_())
    counts = {"missing_count": 0, "type_mismatch_count": 0, "malformed_count": 0}
    invalid_columns = []
    for column in referring:
        values = pc.unique(table.column(column.name)).drop_null().to_pylist()
        ids = {value: parsed for value in values if (parsed := _parse_id(value)) is not None}
        types = await _find_types(connection, principal, column, list(ids.values()))
        valid = {value: str(ref) for value, ref in ids.items() if _has_type(column, types.get(ref))}
        given = table.column(column.name).combine_chunks()
        positions = pc.index_in(given, pa.array(list(valid), pa.string()))
        missing = [str(ref) for ref in ids.values() if ref not in types]
        is_valid = pc.and_(is_valid, pc.invert(pc.and_(pc.is_valid(given), pc.is_null(positions))))
        counts["missing_count"] += len(missing)
        counts["type_mismatch_count"] += len(ids) - len(valid) - len(missing)
        counts["malformed_count"] += len(values) - len(ids)
        if len(valid) < len(values):
            invalid_columns.append({"column": column.name, "kind": column.ref_kind, "missing": missing[:MAX_SHOWN]})
        normalized = pa.array(list(valid.values()), pa.string()).take(positions)
        table = table.set_column(table.schema.get_field_index(column.name), column.name, normalized)
    if not invalid_columns:
        return CheckedRows(table, None, None)
    valid_rows = table.filter(is_valid)
    refs = counts | {"skipped_row_count": len(table) - len(valid_rows), "columns": invalid_columns}
    return CheckedRows(valid_rows, pc.indices_nonzero(is_valid), refs)


def find_references(tables: TableStore, snapshot: Snapshot) -> list[UUID]:
    """Return the first MAX_CONNECTED assets that a table's rows refer to. Blocks. Raises Unavailable."""
    found: dict[UUID, None] = {}
    for column in snapshot.columns:
        if column.ref_kind != "asset":
            continue
        for value in tables.distinct_values(snapshot, column.name):
            if len(found) == MAX_CONNECTED:
                return list(found)
            if (parsed := _parse_id(value)) not in (None, snapshot.table_id):
                found[parsed] = None
    return list(found)


def make_warning(ignored: Mapping[str, int], refs: dict[str, Any] | None) -> IngestWarning | None:
    """Return a warning about unknown keys in rows, by count, and about rows with invalid references."""
    messages = []
    if ignored:
        messages.append(f"There is no column {', '.join(list(ignored)[:MAX_SHOWN])}; these values were left out.")
    if refs is not None:
        messages.append(f"{refs['skipped_row_count']} rows were left out because they refer to nothing.")
    if not messages:
        return None
    columns = [{"column": column, "count": count} for column, count in list(ignored.items())[:MAX_SHOWN]]
    return IngestWarning(" ".join(messages), columns or None, refs)


def _read_reference(value: Any, name: str) -> Reference:
    """Read a declared reference: a kind, an asset type, or an object with both. Raises InvalidRequest."""
    if isinstance(value, str):
        return Reference(value) if value in ("asset", "action") else Reference(asset_type=value)
    try:
        reference = msgspec.convert(value or {}, Reference)
    except msgspec.ValidationError:
        reference = Reference("")
    if reference.kind not in ("asset", "action"):
        raise InvalidRequest(f"The reference {name} must be to an asset or an action.", name)
    return reference


async def _find_types(
    connection: Connection, principal: Principal, column: Column, ids: Sequence[UUID]
) -> dict[UUID, str]:
    if column.ref_kind != "asset":
        return {}  # there are no actions yet
    return {row["id"]: row["asset_type"] for row in await connection.fetch(sql.list_visible, ids, *principal.viewer)}


def _has_type(column: Column, asset_type: str | None) -> bool:
    return asset_type is not None and (column.asset_type or asset_type) == asset_type


def _parse_id(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None
