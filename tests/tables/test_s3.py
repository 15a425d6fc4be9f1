"""Tables in an S3 store, spoken to over HTTP; moto's server stands in for Amazon's."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from _support.ports import free_port
from _support.s3_server import BUCKET, run_s3
from hallmarket.server.errors import Unavailable
from hallmarket.server.tables.files import Files, read_batches
from hallmarket.server.tables.log import storage_options
from hallmarket.server.tables.store import Tables
from hallmarket.server.tables.types import Column, Snapshot

COLUMNS = (Column("id", "bigint"), Column("v", "text"))


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an S3 that lives as long as the test."""
    port = free_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with run_s3(port):
        yield f"s3://{BUCKET}/store"


def rows(*ids: int) -> pa.RecordBatch:
    """Rows with these ids."""
    return pa.record_batch(
        {"id": list(ids), "v": [f"row {number}" for number in ids]},
        schema=pa.schema([("id", pa.int64()), ("v", pa.string())]),
    )


def read(tables: Tables, snapshot: Snapshot) -> list[int]:
    """The ids of a snapshot, in order."""
    return [
        row["id"] for path in tables.local_paths(snapshot) for batch in read_batches(path) for row in batch.to_pylist()
    ]


def test_tables_live_in_s3(url: str, tmp_path: Path) -> None:
    """A table in S3 is written, changed, read through a checked local copy by another server, swept and deleted."""
    files = Files(url, tmp_path / "one", 1 << 30)
    tables = Tables(files)
    first = tables.commit(tables.create(uuid4(), COLUMNS, [rows(1, 2)]))
    second, inserted, updated = tables.upsert(first, "id", pa.Table.from_batches([rows(2, 3)]))
    second = tables.commit(second)
    assert (inserted, updated) == (1, 1)
    assert first.delta_version is not None
    assert second.delta_version == first.delta_version + 1
    other = Tables(Files(url, tmp_path / "two", 0))
    assert read(other, first) == [1, 2]
    assert read(other, second) == [1, 2, 3]
    table = DeltaTable(tables.uri(first.table_id), storage_options=storage_options(files))
    assert {uri.rpartition("/")[2] for uri in table.file_uris()} == {file.name for file in second.files}
    forged = Snapshot(first.table_id, COLUMNS, (first.files[0].__class__(first.files[0].name, 1, 2, "0" * 128),))
    with pytest.raises(Unavailable):
        Tables(Files(url, tmp_path / "three", 0)).local_paths(forged)
    assert tables.sweep(first.table_id, ()) == 0
    assert tables.table_ids() == [first.table_id]
    tables.forget(first.table_id)
    assert tables.table_ids() == []


def test_a_store_that_is_away_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without its S3 a table takes no rows, and says so."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    tables = Tables(Files(f"s3://{BUCKET}/store", tmp_path, 0))
    with pytest.raises(Unavailable):
        tables.create(uuid4(), COLUMNS, [rows(1)])
