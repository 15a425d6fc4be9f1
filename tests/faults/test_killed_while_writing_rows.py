"""The server is killed while rows are written: no half version is readable, no acknowledged row lost."""

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
from _support.processes import find_backgrounds, find_workers, kill
from _support.servers import Server
from _support.waiting import wait_until
from faults.embedded import new_embedded_server
from faults.rounds import long_enough, rounds
from hallmarket.proof.manifest import Manifest
from hallmarket.server.database.connections import Database
from hallmarket.server.datasets.delete_orphaned_files import delete_orphaned_files
from hallmarket.server.datasets.finish_abandoned import finish_abandoned_writes
from hallmarket.server.tables.file_store import FileStore
from hallmarket.server.tables.store import TableStore

pytestmark = long_enough
WRITERS = 3
KEYS = 40  # rows that every upsert writes, all with one stamp


class Writer:
    """Somebody who writes to a dataset of their own without pause, and knows what must be in it."""

    def __init__(self, url: str, token: str) -> None:
        self.http = httpx.Client(base_url=url, headers={"authorization": token}, timeout=90, trust_env=False)
        rows = [{"id": key, "stamp": 0} for key in range(KEYS)]
        created = self.http.post("/datasets/create/from-schema", json={"dataset": {"name": "Rows", "rows": rows}})
        self.dataset = created.json()["data"]["id"]
        self.stamp = 0  # of the newest upsert that was acknowledged
        self.added: set[int] = set()  # ids acknowledged in a finished version
        self.pending: set[int] = set()  # and those acknowledged, to be finished
        self.fresh = itertools.count(1_000_000)
        self.writes = 0
        self.wrong: list[str] = []
        self.stopping = False

    def run(self) -> None:
        """Write until told to stop; a server that is away is asked again."""
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
            self.wrong.append(f"{mode}: {response.status_code} {response.text}")
        self.writes += response.status_code == 200
        return self.finished

    def check(self) -> None:
        """Whatever is read is one whole version, and has what was acknowledged as finished."""
        query = "select id, stamp from {{table}} order by id"
        response = self.http.post(f"/datasets/{self.dataset}/query-custom", json={"query": query})
        if response.status_code == 503:
            return
        assert response.status_code == 200, response.text
        rows = response.json()["data"]
        stamps = {row["stamp"] for row in rows if row["id"] < KEYS}
        ids = [row["id"] for row in rows]
        if len(stamps) != 1 or min(stamps) < self.stamp:
            self.wrong.append(f"stamps {stamps}, {self.stamp} was acknowledged")
        if len(ids) != len(set(ids)) or not self.added <= set(ids) or not set(range(KEYS)) <= set(ids):
            self.wrong.append(f"rows are lost or twice: {len(ids)}, {len(set(ids))}, {len(self.added - set(ids))} lost")
        if sum(key >= KEYS for key in ids) % 20:
            self.wrong.append("half of a batch is readable")


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of its own, whose store holds nothing else."""
    with new_embedded_server(workers=2) as running:
        yield running


def test_killed_while_writing_rows(server: Server) -> None:
    """kill -9 of server, worker, background: acknowledged rows stay, versions are whole, no file is left over."""
    token = get_token(server, server.api_key)
    writers = [Writer(server.url, token) for _ in range(WRITERS)]
    threads = [threading.Thread(target=writer.run) for writer in writers]
    for thread in threads:
        thread.start()
    try:
        for number in rounds(3):
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
    assert not [wrong for writer in writers for wrong in writer.wrong]
    _tidy_as_after_two_days(server)
    for writer in writers:
        writer.added |= writer.pending
        writer.check()
        assert not writer.wrong
        writer.http.close()
    assert _files(server) == _promised(server)
    newest = (
        "select dataset_id, manifest from dataset_version join dataset on asset_id = dataset_id where number = version"
    )
    for row in server.query(newest):
        log = DeltaTable(TableStore(FileStore("", server.data / "tables", 0)).uri(row["dataset_id"]))
        manifest = msgspec.json.decode(row["manifest"], type=Manifest)
        assert {uri.rpartition("/")[2] for uri in log.file_uris()} == {file.name for file in manifest.files}


def _tidy_as_after_two_days(server: Server) -> None:
    """Do what the background does in time: finish what was abandoned, sweep what is nobody's."""
    server.query("update dataset set pending_since = now() - interval '2 hours' where pending_since is not null")
    server.query("update dataset set swept_on = now() - interval '2 days'")
    for path in (server.data / "tables").rglob("*.parquet"):
        os.utime(path, (time.time() - 200_000,) * 2)

    async def tidy() -> None:
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

    asyncio.run(tidy())


def _files(server: Server) -> set[str]:
    return {path.name for path in (server.data / "tables").glob("*/*/*.parquet")}


def _promised(server: Server) -> set[str]:
    """The files of every version, and of every head."""
    manifests = [row["manifest"] for row in server.query("select manifest from dataset_version")]
    names = {file.name for text in manifests for file in msgspec.json.decode(text, type=Manifest).files}
    heads = [msgspec.json.decode(row["head"]) for row in server.query("select head from dataset")]
    return names | {file["name"] for head in heads for file in head["files"]}
