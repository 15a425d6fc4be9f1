"""Background maintenance of datasets: compaction, abandoned writes and orphaned files."""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import msgspec
import pytest

from _support.datasets import make_dataset
from _support.organizations import Organization, User, new_organization
from _support.servers import Server
from _support.waiting import wait_until
from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.delete_orphaned_files import delete_orphaned_files
from hallmarket.server.datasets.finish_abandoned import finish_abandoned_writes
from hallmarket.server.tables.file_store import FileStore
from hallmarket.server.tables.store import TableStore


@pytest.fixture(scope="module")
def org(server: Server) -> Iterator[Organization]:
    """An organization."""
    with new_organization(server) as made:
        yield made


@pytest.fixture(scope="module")
def owner(org: Organization) -> User:
    """A person with datasets."""
    return org.new_user()


def run(server: Server, task: Callable[[Database, TableStore], Awaitable[Any]]) -> Any:
    """Run a maintenance task as the background process does."""

    async def run_task() -> Any:
        database = Database(server.postgres_url, 2)
        await database.open()
        try:
            return await task(database, TableStore(FileStore("", server.data / "tables", 0)))
        finally:
            await database.close()

    return asyncio.run(run_task())


def list_head_files(server: Server, dataset: str) -> list[dict[str, Any]]:
    """Return the files of a dataset's head."""
    (row,) = server.query("select head from dataset where asset_id = $1", dataset)
    files: list[dict[str, Any]] = msgspec.json.decode(row["head"])["files"]
    return files


def test_small_files_are_compacted_for_the_next_version(server: Server, owner: User) -> None:
    """The files of many small writes are joined in the background. Only the next version has the joined files."""
    dataset = make_dataset(owner, [{"id": 0}])["id"]
    for key in range(1, 17):
        owner.call("POST", f"/datasets/{dataset}/data", json={"rows": [{"id": key}]})
    before = owner.client.get(f"/datasets/{dataset}/versions/17/manifest").content
    wait_until(lambda: len(list_head_files(server, dataset)) < 4, timeout_s=60)
    assert owner.client.get(f"/datasets/{dataset}/versions/17/manifest").content == before
    assert owner.call("GET", f"/datasets/{dataset}/stats")["version"] == 17
    owner.call("POST", f"/datasets/{dataset}/data", json={"rows": [{"id": 17}]})
    manifest = owner.client.get(f"/datasets/{dataset}/versions/18/manifest").json()
    assert len(manifest["files"]) < 5
    for version, rows in ((17, 17), (18, 18)):
        read = owner.call("GET", f"/datasets/{dataset}/data", params={"version": version})
        assert [row["id"] for row in read] == list(range(rows))


def test_abandoned_writes_become_a_version(server: Server, owner: User) -> None:
    """Rows that stay pending for an hour become a version of their author, and not before."""
    dataset = make_dataset(owner)["id"]
    owner.call("POST", f"/datasets/{dataset}/data", json={"rows": [{"id": 3}], "finalize": False})
    run(server, finish_abandoned_writes)
    assert owner.call("GET", f"/datasets/{dataset}/stats")["count"] == 2
    server.query("update dataset set pending_since = now() - interval '61 minutes' where asset_id = $1", dataset)
    run(server, finish_abandoned_writes)
    assert owner.call("GET", f"/datasets/{dataset}/stats")["count"] == 3
    newest = owner.call("GET", f"/datasets/{dataset}/versions")[0]
    assert (newest["number"], newest["user_id"]) == (2, owner.id)


def test_the_files_of_a_deleted_dataset_are_deleted(server: Server, owner: User) -> None:
    """The files of a deleted dataset are deleted once they are a day old, and those of other datasets stay."""
    deleted, stays = make_dataset(owner)["id"], make_dataset(owner)["id"]
    owner.call("DELETE", f"/datasets/{deleted}")
    files = {dataset: server.data / "tables" / dataset[-2:] / dataset.replace("-", "") for dataset in (deleted, stays)}
    run(server, delete_orphaned_files)
    assert list(files[deleted].glob("*.parquet"))
    for folder in files.values():
        for path in folder.rglob("*"):
            os.utime(path, (time.time() - 90_000,) * 2)
    server.query("update dataset set swept_on = now() - interval '2 days' where asset_id = $1", stays)
    run(server, delete_orphaned_files)
    assert not files[deleted].exists()
    assert owner.call("GET", f"/datasets/{stays}/data") == [
        {"id": 1, "day": "2026-01-01", "mm": 3.5},
        {"id": 2, "day": "2026-01-02", "mm": None},
    ]
