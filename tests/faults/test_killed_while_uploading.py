"""The server is killed while files are uploaded and replaced: every readable file is complete, and no orphan stays."""

import asyncio
import hashlib
import os
import random
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from _support.clients import get_token
from _support.long_run import fault_timeout, rounds
from _support.processes import find_workers, kill
from _support.servers import Server
from _support.waiting import wait_until
from faults.embedded import new_embedded_server
from hallmarket.server.blobs.delete_unused import delete_unused_blobs
from hallmarket.server.blobs.object_store import ObjectStore
from hallmarket.server.database.connections import Database

pytestmark = fault_timeout
SENDERS = 4


class Senders:
    """Clients that upload files without pause, and remember what was acknowledged."""

    def __init__(self, server: Server) -> None:
        self.url = server.url
        self.headers = {"authorization": get_token(server, server.api_key)}
        self.acknowledged: dict[str, str] = {}  # file -> SHA3-512 of the last acknowledged content
        self.pending: dict[str, set[str]] = {}  # file -> contents that were sent and not answered
        self.errors: list[str] = []
        self.stopping = False
        self._choosing = threading.Lock()

    def run(self) -> None:
        """Upload until stopped; retry while the server is down."""
        with httpx.Client(base_url=self.url, headers=self.headers, timeout=5, trust_env=False) as http:
            while not self.stopping:
                content = os.urandom(random.randrange(100_000, 1_000_000))
                try:
                    self._send(http, content)
                except httpx.TransportError:
                    continue

    def _send(self, http: httpx.Client, content: bytes) -> None:
        digest = hashlib.sha3_512(content).hexdigest()
        begun = self._call(http, "POST", "/files/upload-url", {"file_name": "a.bin"})
        if begun is None or http.put(begun["upload_url"], content=content).status_code != 200:
            return
        file = self._choose_file(digest) if random.random() < 0.4 else None
        if file is not None:
            source = {"bucket": begun["bucket"], "path": begun["path"]}
            response = self._call(http, "PUT", f"/files/{file}", {"file": {"metadata": source}})
            if response is not None:
                self.acknowledged[file] = digest
                del self.pending[file]
        else:
            file = begun["path"].partition("/")[0]
            file_fields = {"file": {"id": file, "name": "a", "visibility": "private"}}
            if self._call(http, "POST", "/files/create", file_fields) is not None:
                self.acknowledged[file] = digest

    def _choose_file(self, digest: str) -> str | None:
        """Choose a file to replace, if there is one. No other thread replaces it until the response is known."""
        with self._choosing:
            free = [file for file in list(self.acknowledged) if file not in self.pending]
            file = random.choice(free) if free else None
            if file is not None:
                self.pending[file] = {digest}
            return file

    def _call(self, http: httpx.Client, method: str, path: str, body: Any) -> Any:
        response = http.request(method, path, json=body)
        if response.status_code == 503:
            return None
        if response.status_code != 200:
            self.errors.append(f"{method} {path}: {response.status_code} {response.text}")
            return None
        return response.json()["data"]


@pytest.fixture
def server() -> Iterator[Server]:
    """A server whose store contains nothing else."""
    with new_embedded_server(workers=2) as running:
        yield running


def test_killed_while_uploading(server: Server) -> None:
    """SIGKILL of the parent and of workers: every acknowledged file is complete, and everything else is deleted."""
    senders = Senders(server)
    threads = [threading.Thread(target=senders.run) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    try:
        for number in rounds(4, short=2):
            before = len(senders.acknowledged)
            wait_until(lambda before=before: len(senders.acknowledged) > before + 1, timeout_s=60)
            if number % 2:
                kill(wait_until(lambda: find_workers(server))[0])
            else:
                server.kill()
                server.start()
    finally:
        senders.stopping = True
        for thread in threads:
            thread.join()
    assert not senders.errors, senders.errors[:3]
    check_files(server, senders)
    kill_during_an_upload(server, senders)
    check_store(server)


def kill_during_an_upload(server: Server, senders: Senders) -> None:
    """Kill the server when the store has received a part of an upload whose client is gone."""
    with httpx.Client(base_url=server.url, headers=senders.headers, timeout=30, trust_env=False) as http:
        begun = http.post("/files/upload-url", json={"file_name": "large"}).json()["data"]
    address, before = urlsplit(begun["upload_url"]), list_objects(server.data / "blobs")
    with socket.create_connection((address.hostname, address.port)) as connection:
        head = f"PUT {address.path} HTTP/1.1\r\nhost: x\r\ncontent-length: 90000000\r\n\r\n"
        connection.sendall(head.encode() + os.urandom(20_000_000))
        wait_until(lambda: list_objects(server.data / "blobs") - before)
        server.kill()
    server.start()
    assert list_objects(server.data / "blobs") - before


def check_files(server: Server, senders: Senders) -> None:
    """Check that every file can be read and matches its metadata and what was acknowledged."""
    files = {str(row["asset_id"]) for row in server.query("select asset_id from file")}
    assert senders.acknowledged.keys() <= files
    with httpx.Client(base_url=server.url, headers=senders.headers, timeout=60, trust_env=False) as http:
        for file in files:
            metadata = http.get(f"/files/{file}/metadata").json()["data"]["metadata"]
            content = http.post(f"/assets/{file}/download").content
            digest = hashlib.sha3_512(content).hexdigest()
            assert (digest, len(content)) == (metadata["sha3_512"], metadata["size"])
            if file in senders.acknowledged:
                assert digest in {senders.acknowledged[file]} | senders.pending.get(file, set())
    unanchored = server.query(
        "select 1 from file join blob b on b.id = blob_id where not exists (select from media where hash = b.sha3_512)"
    )
    assert not unanchored


def check_store(server: Server) -> None:
    """Check that after a day the store contains only what files and uploads refer to."""

    async def delete_unused() -> None:
        database = Database(server.postgres_url, 1)
        await database.open()
        await delete_unused_blobs(database, ObjectStore("", server.data / "blobs"))
        await database.close()

    server.query("update blob set created_on = created_on - interval '25 hours' where not kept")
    asyncio.run(delete_unused())
    referenced = server.query("select replace(blob_id::text, '-', '') as name from file union all"
                        " select replace(blob_id::text, '-', '') from upload where blob_id is not null")  # fmt: skip
    assert list_objects(server.data / "blobs") == {row["name"] for row in referenced}
    assert server.query("select count(*) from blob")[0][0] == len(referenced)


def list_objects(folder: Path) -> set[str]:
    """Return the names of all objects in the store."""
    return {path.name for path in folder.rglob("*") if path.is_file()}
