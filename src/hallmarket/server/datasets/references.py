"""Columns that refer to assets or actions: rows whose ids are nobody's are left out and told of, and stop no other."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from hallmarket.server.database.connections import Connection
from hallmarket.server.datasets.types import IngestWarning
from hallmarket.server.datasets.versions import sql
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.principal import Principal
from hallmarket.server.tables.columns import get_column
from hallmarket.server.tables.store import TableStore
from hallmarket.server.tables.types import Column, Snapshot

MAX_SHOWN = 20
MAX_CONNECTED = 1000  # assets that one version's rows refer to


class Reference(msgspec.Struct, frozen=True):
    """What a column refers to."""

    kind: str = "asset"
    asset_type: str | None = None


class Checked(msgspec.Struct, frozen=True):
    """Rows whose references are good, which of the given rows these are, and what is to be said of the others."""

    table: pa.Table
    chosen: pa.Array | None
    refs: dict[str, Any] | None


def loosened(columns: Sequence[Column]) -> tuple[Column, ...]:
    """The columns with those that refer as plain text: an id that is none is left out with its row, not refused."""
    return tuple(msgspec.structs.replace(one, type="text") if one.ref_kind else one for one in columns)


def apply_references(columns: Sequence[Column], refs: Mapping[str, Any]) -> tuple[Column, ...]:
    """The columns with references as callers declare them. Raises InvalidRequest."""
    found = {get_column(columns, name).name: read_reference(said, name) for name, said in refs.items()}
    return tuple(
        msgspec.structs.replace(one, type="uuid", ref_kind=said.kind, asset_type=said.asset_type)
        if (said := found.get(one.name))
        else one
        for one in columns
    )


def read_reference(said: Any, name: str) -> Reference:
    """A declared reference: a kind, an asset type, or an object with both. Raises InvalidRequest."""
    if isinstance(said, str):
        return Reference(said) if said in ("asset", "action") else Reference(asset_type=said)
    try:
        reference = msgspec.convert(said or {}, Reference)
    except msgspec.ValidationError:
        reference = Reference("")
    if reference.kind not in ("asset", "action"):
        raise InvalidRequest(f"The reference {name} must be to an asset or to an action.", name)
    return reference


async def check_references(
    connection: Connection, principal: Principal, columns: Sequence[Column], table: pa.Table
) -> Checked:
    """The rows whose references the caller may know of and are of the right type; nulls refer to nothing."""
    referring = [column for column in columns if column.ref_kind and table.column(column.name).null_count < len(table)]
    if not referring:
        return Checked(table, None, None)
    good_rows = pa.array([True] * len(table), pa.bool_())
    counts = {"missing_count": 0, "type_mismatch_count": 0, "malformed_count": 0}
    told = []
    for column in referring:
        values = pc.unique(table.column(column.name)).drop_null().to_pylist()
        ids = {value: read for value in values if (read := _read_id(value)) is not None}
        types = await _find_types(connection, principal, column, list(ids.values()))
        good = {value: str(one) for value, one in ids.items() if types.get(one) in _wanted(column, types.get(one))}
        given = table.column(column.name).combine_chunks()
        place = pc.index_in(given, pa.array(list(good), pa.string()))
        missing = [str(one) for one in ids.values() if one not in types]
        bad = pc.and_(pc.is_valid(given), pc.is_null(place))
        good_rows = pc.and_(good_rows, pc.invert(bad))
        counts["missing_count"] += len(missing)
        counts["type_mismatch_count"] += len(ids) - len(good) - len(missing)
        counts["malformed_count"] += len(values) - len(ids)
        if len(good) < len(values):
            told.append({"column": column.name, "kind": column.ref_kind, "missing": missing[:MAX_SHOWN]})
        written = pa.array(list(good.values()), pa.string()).take(place)
        table = table.set_column(table.schema.get_field_index(column.name), column.name, written)
    if not told:
        return Checked(table, None, None)
    kept = table.filter(good_rows)
    refs = counts | {"skipped_row_count": len(table) - len(kept), "columns": told}
    return Checked(kept, pc.indices_nonzero(good_rows), refs)


def find_references(tables: TableStore, snapshot: Snapshot) -> list[UUID]:
    """The assets that a table's rows refer to, the first 1,000 of them. Raises Unavailable."""
    found: dict[UUID, None] = {}
    for column in snapshot.columns:
        if column.ref_kind != "asset":
            continue
        for value in tables.distinct_values(snapshot, column.name):
            if len(found) == MAX_CONNECTED:
                return list(found)
            if (read := _read_id(value)) not in (None, snapshot.table_id):
                found[read] = None
    return list(found)


async def _find_types(
    connection: Connection, principal: Principal, column: Column, ids: Sequence[UUID]
) -> dict[UUID, str]:
    if column.ref_kind != "asset":
        return {}  # there are no actions yet, so none of these ids is one
    return {row["id"]: row["asset_type"] for row in await connection.fetch(sql.list_visible, ids, *principal.viewer)}


def _wanted(column: Column, found: str | None) -> tuple[str | None, ...]:
    return (column.asset_type or found,) if found is not None else ()


def _read_id(value: str) -> UUID | None:
    try:
        return UUID(value)
    except ValueError:
        return None


def warn(ignored: Mapping[str, int], refs: dict[str, Any] | None) -> IngestWarning | None:
    """What to say of keys that no column goes by, and of rows left out for their references."""
    said = []
    if ignored:
        said.append(f"No column goes by {', '.join(list(ignored)[:MAX_SHOWN])}; these values were left out.")
    if refs is not None:
        said.append(f"{refs['skipped_row_count']} rows were left out, for they refer to what there is not.")
    if not said:
        return None
    columns = [{"column": column, "count": count} for column, count in list(ignored.items())[:MAX_SHOWN]]
    return IngestWarning(" ".join(said), columns or None, refs)
