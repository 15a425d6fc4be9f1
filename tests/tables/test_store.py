"""Tables against a plain model in Python: random tables, random changes, and every version stays readable."""

import hashlib
import os
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from deltalake import DeltaTable
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from hallmarket.server.errors import Conflict, InvalidRequest
from hallmarket.server.tables.coerce_rows import coerce_rows
from hallmarket.server.tables.column_types import TIMESTAMPTZ
from hallmarket.server.tables.file_store import FileStore
from hallmarket.server.tables.parquet_files import ROW_GROUP_ROWS, read_batches
from hallmarket.server.tables.store import TableStore
from hallmarket.server.tables.types import Column, Snapshot, arrow_schema

VALUES: dict[str, st.SearchStrategy[Any]] = {
    "text": st.text(),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "integer": st.integers(-(2**31), 2**31 - 1),
    "double precision": st.floats(allow_nan=False, allow_infinity=False),
    "real": st.floats(width=32, allow_nan=False, allow_infinity=False),
    "numeric(38,0)": st.integers(-(10**38) + 1, 10**38 - 1).map(Decimal),
    "numeric(30,7)": st.decimals(-(10**20), 10**20, places=7),
    "boolean": st.booleans(),
    TIMESTAMPTZ: st.datetimes(timezones=st.just(UTC)),
    "timestamp": st.datetimes(),
    "date": st.dates(),
}
COLUMNS = tuple(Column(f"c{index}", kind) for index, kind in enumerate(VALUES))
WITH_KEY = (Column("id", "bigint"), *COLUMNS)
cells = {column.name: st.none() | VALUES[column.type] for column in COLUMNS}
plain_rows = st.lists(st.fixed_dictionaries(cells), max_size=5)
keyed_rows = st.lists(st.fixed_dictionaries({"id": st.integers(0, 8), **cells}), max_size=5)
partial_rows = st.lists(st.fixed_dictionaries({"id": st.integers(0, 8)}, optional=cells), min_size=1, max_size=5)
FEW = settings(max_examples=8, phases=[Phase.generate])


@pytest.fixture
def tables(tmp_path: Path) -> TableStore:
    """A table store in a folder."""
    return TableStore(FileStore("", tmp_path, 0))


def as_json(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Convert rows to the form that they have in a request."""
    sent = [
        {
            key: value.isoformat()
            if isinstance(value, date | datetime)
            else str(value)
            if isinstance(value, Decimal)
            else value
            for key, value in row.items()
        }
        for row in rows
    ]
    return msgspec.json.decode(msgspec.json.encode(sent), type=list[dict[str, Any]])


def batches(columns: tuple[Column, ...], rows: list[dict[str, Any]]) -> list[pa.RecordBatch]:
    """Convert rows to the batches that a table stores."""
    return coerce_rows(columns, as_json(rows)).table.to_batches()


def read(tables: TableStore, snapshot: Snapshot) -> list[dict[str, Any]]:
    """Read the rows of a snapshot, in order; check its files against their sizes and hashes."""
    rows = []
    for path, file in zip(tables.local_paths(snapshot), snapshot.files, strict=True):
        content = path.read_bytes()
        assert (len(content), hashlib.sha3_512(content).hexdigest()) == (file.size_bytes, file.sha3_512)
        found = [row for batch in read_batches(path) for row in batch.to_pylist()]
        assert len(found) == file.rows
        rows += found
    return rows


def read_delta(tables: TableStore, snapshot: Snapshot) -> list[dict[str, Any]]:
    """Read the rows that a Delta Lake reader sees at a snapshot's version, in no order."""
    table = DeltaTable(tables.uri(snapshot.table_id), version=snapshot.delta_version)
    names = [column.name for column in snapshot.columns]
    assert [field.name for field in table.schema().fields] == names
    folder = Path(tables.uri(snapshot.table_id))
    return [
        row
        for uri in table.file_uris()
        for batch in read_batches(folder / uri.rpartition("/")[2])
        for row in batch.to_pylist()
    ]


def sorted_rows(rows: list[dict[str, Any]]) -> list[str]:
    """Sort rows, to compare them without their order."""
    return sorted(repr(list(row.values())) for row in rows)


@FEW
@given(first=plain_rows, second=plain_rows, third=plain_rows)
def test_rows_come_back_exactly(
    tables: TableStore, first: list[dict[str, Any]], second: list[dict[str, Any]], third: list[dict[str, Any]]
) -> None:
    """Created, appended and overwritten rows come back exactly and in order, at every version."""
    versions = []
    snapshot = tables.create(uuid4(), COLUMNS, batches(COLUMNS, first))
    versions.append((tables.commit(snapshot), first))
    snapshot = tables.append(versions[-1][0], batches(COLUMNS, second))
    versions.append((tables.commit(snapshot), first + second))
    versions.append((tables.commit(tables.compact(snapshot)), first + second))
    snapshot = tables.overwrite(snapshot, batches(COLUMNS, third))
    versions.append((tables.commit(snapshot), third))
    for version, rows in versions:
        assert read(tables, version) == rows
        assert sorted_rows(read_delta(tables, version)) == sorted_rows(read(tables, version))


def upserted(model: list[dict[str, Any]], rows: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
    """Upsert rows into the model; returns it and the number of rows inserted."""
    by_id = {row["id"]: row for row in model}
    before = len(by_id)
    for row in rows:
        by_id[row["id"]] = row
    return list(by_id.values()), len(by_id) - before


@FEW
@given(
    changes=st.lists(st.tuples(st.just("upsert"), keyed_rows) | st.tuples(st.just("update"), partial_rows), max_size=5)
)
def test_changes_by_key(tables: TableStore, changes: list[tuple[str, list[dict[str, Any]]]]) -> None:
    """Upserts and updates of random rows do what a dictionary does, and older versions stay unchanged."""
    model: list[dict[str, Any]] = []
    snapshot = tables.create(uuid4(), WITH_KEY)
    versions = []
    for verb, rows in changes:
        sent = coerce_rows(WITH_KEY, as_json(rows))
        if verb == "upsert":
            expected, inserted = upserted(model, rows)
            snapshot, *counts = tables.upsert(snapshot, "id", sent.table)
            assert counts == [inserted, len(rows) - inserted]
        else:
            known = {row["id"] for row in model}
            expected = [dict(row) for row in model]
            for change in rows:
                for row in expected:
                    if row["id"] == change["id"]:
                        row.update(change)
            snapshot, *counts = tables.update(snapshot, "id", sent.table, sent.sent)
            updated = sum(row["id"] in known for row in rows)
            assert counts == [updated, len(rows) - updated]
        model = expected
        snapshot = tables.commit(snapshot)
        versions.append((snapshot, model))
    for version, rows in versions:
        assert read(tables, version) == rows
        assert sorted_rows(read_delta(tables, version)) == sorted_rows(read(tables, version))


def test_delta_commit_without_a_version(tables: TableStore) -> None:
    """A Delta commit that did not become a version is undone by the next commit, and no version shows it."""
    first = tables.commit(tables.create(uuid4(), COLUMNS[:1], batches(COLUMNS[:1], [{"c0": "a"}])))
    lost = tables.commit(tables.append(first, batches(COLUMNS[:1], [{"c0": "lost"}])))
    other = (Column("c0", "bigint"),)
    tables.commit(tables.change_columns(tables.overwrite(lost, []), [(other[0], None)]))
    second = tables.commit(tables.append(first, batches(COLUMNS[:1], [{"c0": "b"}])))
    assert read(tables, second) == [{"c0": "a"}, {"c0": "b"}]
    assert sorted_rows(read_delta(tables, second)) == sorted_rows(read(tables, second))
    assert tables.commit(second) == second


def test_columns_change(tables: TableStore) -> None:
    """Columns are added, dropped, renamed and retyped exactly; a value that does not fit is an error."""
    columns = (Column("a", "text"), Column("b", "bigint"), Column("t", TIMESTAMPTZ))
    rows = [{"a": "1", "b": 2**60 + 1, "t": datetime(2024, 1, 1, tzinfo=UTC)}, {"a": None, "b": None, "t": None}]
    first = tables.commit(tables.create(uuid4(), columns, batches(columns, rows)))
    kinds = ["bigint", "text", "numeric", "timestamp"]
    new = [Column(name, kind) for name, kind in zip(["a", "c", "d", "new"], kinds, strict=True)]
    second = tables.commit(tables.change_columns(first, list(zip(new, ["a", "b", "b", None], strict=True))))
    big = 2**60 + 1
    assert read(tables, second) == [
        {"a": 1, "c": str(big), "d": Decimal(big), "new": None},
        {"a": None, "c": None, "d": None, "new": None},
    ]
    assert sorted_rows(read_delta(tables, second)) == sorted_rows(read(tables, second))
    assert read(tables, first) == rows
    with pytest.raises(InvalidRequest, match="row 1"):
        tables.change_columns(first, [(Column("b", "integer"), "b")])
    enum = Column("a", "text", enum_values=("1", "2"))
    assert (
        tables.change_columns(first, [(enum, "a"), *((column, column.name) for column in columns[1:])]).files
        == first.files
    )
    with pytest.raises(InvalidRequest, match="is not one of 2"):
        tables.change_columns(first, [(Column("a", "text", enum_values=("2",)), "a")])
    as_text = tables.change_columns(first, [(Column("t", "text"), "t")])
    assert read(tables, as_text)[0] == {"t": "2024-01-01T00:00:00+00:00"}


def test_constraints(tables: TableStore) -> None:
    """Duplicates among old and new rows are found; a null is never a duplicate; a key has no null."""
    columns = (Column("id", "bigint"), Column("v", "text"))

    def table(base: Snapshot | None, *rows: tuple[int | None, str | None]) -> Snapshot:
        made = batches(columns, [{"id": key, "v": value} for key, value in rows])
        return tables.append(base, made) if base else tables.create(uuid4(), columns, made)

    base = table(None, (1, "a"), (2, "a"), (3, None))
    assert tables.can_be_key(base)
    assert not tables.can_be_key(table(base, (None, "b")))
    assert not tables.can_be_key(table(base, (1, "b")))
    assert tables.can_be_key(table(None))
    assert not tables.can_be_key(tables.change_columns(base, [(Column("v", "text"), "v")]))
    tables.verify_unique(table(base, (4, "a"), (5, None), (None, None), (None, None)), ["id"], base)
    tables.verify_unique(table(base, (1, "b"), (4, None)), ["id", "v"], base)
    with pytest.raises(Conflict, match="id must be unique, but two rows would have 1"):
        tables.verify_unique(table(base, (1, "c")), ["id"], base)
    with pytest.raises(Conflict, match="1, a"):
        tables.verify_unique(table(base, (1, "a")), ["id", "v"], base)
    with pytest.raises(Conflict):
        tables.verify_unique(table(base, (4, "b"), (4, "b")), ["id", "v"], base)
    with pytest.raises(Conflict, match="must have a value"):
        tables.verify_not_null(base, "v")
    with pytest.raises(InvalidRequest, match="Column id, row 2"):
        tables.upsert(base, "id", coerce_rows(columns, [{"id": 1}, {"id": None}]).table)


def test_small_files_are_joined_in_order(tables: TableStore) -> None:
    """Compaction keeps rows and order in fewer files; a compact table is returned as it is."""
    snapshot = tables.create(uuid4(), COLUMNS[:1])
    for number in range(5):
        snapshot = tables.append(snapshot, batches(COLUMNS[:1], [{"c0": str(number)}]))
    compact = tables.compact(snapshot)
    assert len(compact.files) == 1
    assert read(tables, compact) == read(tables, snapshot)
    assert tables.compact(compact) is compact


def test_abandoned_files_are_deleted(tables: TableStore) -> None:
    """Files that no version has are deleted once they are a day old, and no others; a table is deleted as a whole."""
    stored = tables.commit(tables.create(uuid4(), COLUMNS[:1], batches(COLUMNS[:1], [{"c0": "a"}])))
    lost = tables.append(stored, batches(COLUMNS[:1], [{"c0": "b"}]))
    old, young = (
        tables.local_paths(lost)[1],
        tables.local_paths(tables.append(stored, batches(COLUMNS[:1], [{"c0": "c"}])))[1],
    )
    for path in (old, *tables.local_paths(stored)):
        os.utime(path, (time.time() - 90_000,) * 2)
    assert tables.delete_abandoned(stored.table_id, [file.name for file in stored.files]) == 1
    assert not old.exists()
    assert young.exists()
    assert read(tables, stored) == [{"c0": "a"}]
    assert tables.list_tables() == [stored.table_id]
    tables.delete(stored.table_id)
    tables.delete(stored.table_id)
    assert tables.list_tables() == []


def by_columns(names: list[str]) -> Callable[[dict[str, Any]], list[Any]]:
    """Make the sort key of an index's order: nulls last, text by its bytes."""

    def key(row: dict[str, Any]) -> list[Any]:
        values = [row[name].encode() if isinstance(row[name], str) else row[name] for name in names]
        return [(value is None, value if value is not None else 0) for value in values]

    return key


@FEW
@given(
    parts=st.lists(plain_rows, min_size=2, max_size=4),
    names=st.lists(st.sampled_from([column.name for column in COLUMNS]), min_size=1, max_size=4, unique=True),
)
def test_sorting(tables: TableStore, parts: list[list[dict[str, Any]]], names: list[str]) -> None:
    """Sorting is stable and changes only the order; the snapshot before stays unchanged."""
    before = tables.create(uuid4(), COLUMNS)
    for part in parts:
        before = tables.append(before, batches(COLUMNS, part))
    before = tables.commit(before)
    rows = read(tables, before)
    expected = sorted(rows, key=by_columns(names))
    after = tables.commit(tables.sort(before, names))
    assert read(tables, after) == expected
    assert tables.sort(after, names) is after
    assert sorted_rows(read_delta(tables, after)) == sorted_rows(rows)
    assert read(tables, before) == rows
    assert sorted_rows(read_delta(tables, before)) == sorted_rows(rows)
    if len(before.files) > 1:
        assert read(tables, tables.compact(before, names)) == expected


def test_row_groups_and_dictionaries(tables: TableStore) -> None:
    """Row groups of a sorted table do not overlap; only columns whose values repeat have a dictionary."""
    columns = (Column("id", "bigint"), Column("place", "text"))
    many = ROW_GROUP_ROWS * 2 + 1
    mixed = pa.array([number * 7919 % many for number in range(many)], pa.int64())
    places = pc.binary_join_element_wise("place", pc.cast(pc.bit_wise_and(mixed, 7), pa.string()), " ")
    made = pa.table([mixed, places], schema=arrow_schema(columns))
    snapshot = tables.sort(tables.create(uuid4(), columns, made.to_batches(max_chunksize=50_000)), ["id"])
    (path,) = tables.local_paths(snapshot)
    found = pq.read_metadata(path)
    groups = [found.row_group(index) for index in range(found.num_row_groups)]
    assert [group.num_rows for group in groups] == [ROW_GROUP_ROWS, ROW_GROUP_ROWS, 1]
    limits = [group.column(0).statistics for group in groups]
    assert all(one.max < next_one.min for one, next_one in pairwise(limits))
    assert [groups[0].column(index).has_dictionary_page for index in (0, 1)] == [False, True]
