"""Tables in an S3 store over HTTP, served by moto."""

from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pytest
from deltalake import DeltaTable

from _support.ports import free_port
from _support.s3_server import BUCKET, run_s3
from hallmarket.server.errors import Unavailable
from hallmarket.server.tables.delta_log import storage_options
from hallmarket.server.tables.file_store import FileStore
from hallmarket.server.tables.parquet_files import read_batches
from hallmarket.server.tables.store import TableStore
from hallmarket.server.tables.types import Column, Snapshot

COLUMNS = (Column("id", "bigint"), Column("v", "text"))


@pytest.fixture
def url(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an S3 store for the duration of the test."""
    port = free_port()
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with run_s3(port):
        yield f"s3://{BUCKET}/store"


def rows(*ids: int) -> pa.RecordBatch:
    """Make rows with these ids."""
    return pa.record_batch(
        {"id": list(ids), "v": [f"row {number}" for number in ids]},
        schema=pa.schema([("id", pa.int64()), ("v", pa.string())]),
    )


def read(tables: TableStore, snapshot: Snapshot) -> list[int]:
    """Read the ids of a snapshot, in order."""
    return [
        row["id"] for path in tables.local_paths(snapshot) for batch in read_batches(path) for row in batch.to_pylist()
    ]


def test_tables_in_s3(url: str, tmp_path: Path) -> None:
    """A table in S3 is written, changed, read by another server through a verified copy, cleaned up and deleted."""
    files = FileStore(url, tmp_path / "one", 1 << 30)
    tables = TableStore(files)
    first = tables.commit(tables.create(uuid4(), COLUMNS, [rows(1, 2)]))
    second, inserted, updated = tables.upsert(first, "id", pa.Table.from_batches([rows(2, 3)]))
    second = tables.commit(second)
    assert (inserted, updated) == (1, 1)
    assert first.delta_version is not None
    assert second.delta_version == first.delta_version + 1
    other = TableStore(FileStore(url, tmp_path / "two", 0))
    assert read(other, first) == [1, 2]
    assert read(other, second) == [1, 2, 3]
    table = DeltaTable(tables.uri(first.table_id), storage_options=storage_options(files))
    assert {uri.rpartition("/")[2] for uri in table.file_uris()} == {file.name for file in second.files}
    forged = Snapshot(first.table_id, COLUMNS, (first.files[0].__class__(first.files[0].name, 1, 2, "0" * 128),))
    with pytest.raises(Unavailable):
        TableStore(FileStore(url, tmp_path / "three", 0)).local_paths(forged)
    assert tables.delete_abandoned(first.table_id, ()) == 0
    assert tables.list_tables() == [first.table_id]
    tables.delete(first.table_id)
    assert tables.list_tables() == []


def test_unavailable_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A write to an S3 store that is down raises Unavailable."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    tables = TableStore(FileStore(f"s3://{BUCKET}/store", tmp_path, 0))
    with pytest.raises(Unavailable):
        tables.create(uuid4(), COLUMNS, [rows(1)])
