"""The server is killed while rows are written: every readable version is complete, and no acknowledged row is lost."""

import asyncio
import itertools
import os
import random
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest
from deltalake import DeltaTable

from _support.clients import get_token
from _support.long_run import fault_timeout, rounds
from _support.processes import find_backgrounds, find_workers, kill
from _support.servers import Server
from _support.waiting import wait_until
from faults.embedded import new_embedded_server
from hallmarket.proof.manifest import Manifest
from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.delete_orphaned_files import delete_orphaned_files
from hallmarket.server.datasets.finish_abandoned import finish_abandoned_writes
from hallmarket.server.tables.file_store import FileStore
from hallmarket.server.tables.store import TableStore

pytestmark = fault_timeout
WRITERS = 3
KEYS = 40  # rows that every upsert writes, all with one stamp


class Writer:
    """A client that writes to its own dataset without pause, and knows what it must contain."""

    def __init__(self, url: str, token: str) -> None:
        self.http = httpx.Client(base_url=url, headers={"authorization": token}, timeout=90, trust_env=False)
        rows = [{"id": key, "stamp": 0} for key in range(KEYS)]
        created = self.http.post("/datasets/create/from-schema", json={"dataset": {"name": "Rows", "rows": rows}})
        self.dataset = created.json()["data"]["id"]
        self.stamp = 0  # of the last acknowledged upsert
        self.added: set[int] = set()  # ids acknowledged in a finished version
        self.pending: set[int] = set()  # ids acknowledged in an unfinished version
        self.fresh = itertools.count(1_000_000)
        self.writes = 0
        self.errors: list[str] = []
        self.stopping = False

    def run(self) -> None:
        """Write until stopped; retry while the server is down."""
        for stamp in itertools.count(1):
            if self.stopping:
                return
            try:
                self._write(stamp)
                self.check()
            except httpx.TransportError:
                time.sleep(0.1)

    def _write(self, stamp: int) -> None:
        finalize = random.random() < 0.7
        if random.random() < 0.5:
            if self._post([{"id": key, "stamp": stamp} for key in range(KEYS)], "upsert", finalize):
                self.stamp = stamp if finalize else self.stamp
        else:
            new = list(itertools.islice(self.fresh, 20))
            if self._post([{"id": key, "stamp": None} for key in new], "append", finalize):
                self.pending |= set(new)
        if finalize and self.finished:
            self.added |= self.pending
            self.pending.clear()

    def _post(self, rows: list[dict[str, Any]], mode: str, finalize: bool) -> bool:
        body = {"rows": rows, "mode": mode, "finalize": finalize}
        response = self.http.post(f"/datasets/{self.dataset}/data", json=body)
        self.finished = response.status_code == 200
        if response.status_code not in (200, 503):
            self.errors.append(f"{mode}: {response.status_code} {response.text}")
        self.writes += response.status_code == 200
        return self.finished

    def check(self) -> None:
        """Check that the readable version is complete and contains every acknowledged row."""
        query = "select id, stamp from {{table}} order by id"
        response = self.http.post(f"/datasets/{self.dataset}/query-custom", json={"query": query})
        if response.status_code == 503:
            return
        assert response.status_code == 200, response.text
        rows = response.json()["data"]
        stamps = {row["stamp"] for row in rows if row["id"] < KEYS}
        ids = [row["id"] for row in rows]
        if len(stamps) != 1 or min(stamps) < self.stamp:
            self.errors.append(f"stamps {stamps}, {self.stamp} was acknowledged")
        if len(ids) != len(set(ids)) or not self.added <= set(ids) or not set(range(KEYS)) <= set(ids):
            self.errors.append(
                f"rows are lost or duplicated: {len(ids)}, {len(set(ids))}, {len(self.added - set(ids))} lost"
            )
        if sum(key >= KEYS for key in ids) % 20:
            self.errors.append("a part of a batch is readable")


@pytest.fixture
def server() -> Iterator[Server]:
    """A server whose store contains nothing else."""
    with new_embedded_server(workers=2) as running:
        yield running


def test_killed_while_writing_rows(server: Server) -> None:
    """SIGKILL of worker, parent and background process loses no acknowledged row and leaves no file behind."""
    token = get_token(server, server.api_key)
    writers = [Writer(server.url, token) for _ in range(WRITERS)]
    threads = [threading.Thread(target=writer.run) for writer in writers]
    for thread in threads:
        thread.start()
    try:
        for number in rounds(6, short=3):
            seen = sum(writer.writes for writer in writers)
            wait_until(lambda seen=seen: sum(writer.writes for writer in writers) > seen + 9, timeout_s=90)
            if number % 3 == 0:
                kill(wait_until(lambda: find_workers(server))[0])
            elif number % 3 == 1:
                server.kill()
                server.start()
            else:
                kill(wait_until(lambda: find_backgrounds(server))[0])
    finally:
        for writer in writers:
            writer.stopping = True
        for thread in threads:
            thread.join()
    assert not [error for writer in writers for error in writer.errors]
    _clean_up_as_after_two_days(server)
    for writer in writers:
        writer.added |= writer.pending
        writer.check()
        assert not writer.errors
        writer.http.close()
    assert _files(server) == _expected_files(server)
    newest = (
        "select dataset_id, manifest from dataset_version join dataset on asset_id = dataset_id where number = version"
    )
    for row in server.query(newest):
        log = DeltaTable(TableStore(FileStore("", server.data / "tables", 0)).uri(row["dataset_id"]))
        manifest = msgspec.json.decode(row["manifest"], type=Manifest)
        assert {uri.rpartition("/")[2] for uri in log.file_uris()} == {file.name for file in manifest.files}


def _clean_up_as_after_two_days(server: Server) -> None:
    """Run the maintenance that the background process runs: finish abandoned writes, delete orphaned files."""
    server.query("update dataset set pending_since = now() - interval '2 hours' where pending_since is not null")
    server.query("update dataset set swept_on = now() - interval '2 days'")
    for path in (server.data / "tables").rglob("*.parquet"):
        os.utime(path, (time.time() - 200_000,) * 2)

    async def clean_up() -> None:
        database = Database(server.postgres_url, 2)
        tables = TableStore(FileStore("", server.data / "tables", 0))
        await database.open()
        try:
            await finish_abandoned_writes(database, tables)
            for path in (server.data / "tables").rglob("*.parquet"):
                os.utime(path, (time.time() - 200_000,) * 2)
            await delete_orphaned_files(database, tables)
        finally:
            await database.close()

    asyncio.run(clean_up())


def _files(server: Server) -> set[str]:
    return {path.name for path in (server.data / "tables").glob("*/*/*.parquet")}


def _expected_files(server: Server) -> set[str]:
    """Return the files of every version and of every head."""
    manifests = [row["manifest"] for row in server.query("select manifest from dataset_version")]
    names = {file.name for text in manifests for file in msgspec.json.decode(text, type=Manifest).files}
    heads = [msgspec.json.decode(row["head"]) for row in server.query("select head from dataset")]
    return names | {file["name"] for head in heads for file in head["files"]}
