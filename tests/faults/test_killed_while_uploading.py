"""The server is killed while files are sent, made and replaced: no half file is readable, and no orphan stays."""

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
from _support.processes import find_workers, kill
from _support.servers import Server
from _support.waiting import wait_until
from faults.embedded import new_embedded_server
from faults.rounds import long_enough, rounds
from hallmarket.server.blobs.delete_unused import delete_unused_blobs
from hallmarket.server.blobs.object_store import ObjectStore
from hallmarket.server.database.connections import Database

pytestmark = long_enough
SENDERS = 4


class Senders:
    """People who send files without pause, and remember what they were told."""

    def __init__(self, server: Server) -> None:
        self.url = server.url
        self.headers = {"authorization": get_token(server, server.api_key)}
        self.told: dict[str, str] = {}  # file -> SHA3-512 of the content last acknowledged
        self.hoped: dict[str, set[str]] = {}  # file -> what was sent and not answered
        self.wrong: list[str] = []
        self.stopping = False
        self._choosing = threading.Lock()

    def run(self) -> None:
        """Send until told to stop; a server that is away is asked again."""
        with httpx.Client(base_url=self.url, headers=self.headers, timeout=5, trust_env=False) as http:
            while not self.stopping:
                content = os.urandom(random.randrange(100_000, 1_000_000))
                try:
                    self._send(http, content)
                except httpx.TransportError:
                    continue

    def _send(self, http: httpx.Client, content: bytes) -> None:
        digest = hashlib.sha3_512(content).hexdigest()
        begun = self._ask(http, "POST", "/files/upload-url", {"file_name": "a.bin"})
        if begun is None or http.put(begun["upload_url"], content=content).status_code != 200:
            return
        file = self._choose(digest) if random.random() < 0.4 else None
        if file is not None:
            source = {"bucket": begun["bucket"], "path": begun["path"]}
            answer = self._ask(http, "PUT", f"/files/{file}", {"file": {"metadata": source}})
            if answer is not None:
                self.told[file] = digest
                del self.hoped[file]
        else:
            file = begun["path"].partition("/")[0]
            wanted = {"file": {"id": file, "name": "a", "visibility": "private"}}
            if self._ask(http, "POST", "/files/create", wanted) is not None:
                self.told[file] = digest

    def _choose(self, digest: str) -> str | None:
        """A file to replace, if there is one. Nobody else touches it until it is known what has become of it."""
        with self._choosing:
            mine = [file for file in list(self.told) if file not in self.hoped]
            file = random.choice(mine) if mine else None
            if file is not None:
                self.hoped[file] = {digest}
            return file

    def _ask(self, http: httpx.Client, method: str, path: str, body: Any) -> Any:
        response = http.request(method, path, json=body)
        if response.status_code == 503:
            return None
        if response.status_code != 200:
            self.wrong.append(f"{method} {path}: {response.status_code} {response.text}")
            return None
        return response.json()["data"]


@pytest.fixture
def server() -> Iterator[Server]:
    """A server of its own, whose store holds nothing else."""
    with new_embedded_server(workers=2) as running:
        yield running


def test_killed_while_uploading(server: Server) -> None:
    """kill -9 of the server and of its workers: what was acknowledged is whole, and all else is cleared away."""
    senders = Senders(server)
    threads = [threading.Thread(target=senders.run) for _ in range(SENDERS)]
    for thread in threads:
        thread.start()
    try:
        for number in rounds(3):
            told = len(senders.told)
            wait_until(lambda told=told: len(senders.told) > told + 1, timeout_s=60)
            if number % 2:
                kill(wait_until(lambda: find_workers(server))[0])
            else:
                server.kill()
                server.start()
    finally:
        senders.stopping = True
        for thread in threads:
            thread.join()
    assert not senders.wrong, senders.wrong[:3]
    check_files(server, senders)
    die_in_the_middle(server, senders)
    check_store(server)


def die_in_the_middle(server: Server, senders: Senders) -> None:
    """Kill the server when the store has received a part of an upload, and nothing is left to bring the rest."""
    with httpx.Client(base_url=server.url, headers=senders.headers, timeout=30, trust_env=False) as http:
        begun = http.post("/files/upload-url", json={"file_name": "large"}).json()["data"]
    address, before = urlsplit(begun["upload_url"]), objects(server.data / "blobs")
    with socket.create_connection((address.hostname, address.port)) as connection:
        head = f"PUT {address.path} HTTP/1.1\r\nhost: x\r\ncontent-length: 90000000\r\n\r\n"
        connection.sendall(head.encode() + os.urandom(20_000_000))
        wait_until(lambda: objects(server.data / "blobs") - before)
        server.kill()
    server.start()
    assert objects(server.data / "blobs") - before


def check_files(server: Server, senders: Senders) -> None:
    """Every file there is can be read, and is what it says; those acknowledged are what was acknowledged."""
    files = {str(row["asset_id"]) for row in server.query("select asset_id from file")}
    assert senders.told.keys() <= files
    with httpx.Client(base_url=server.url, headers=senders.headers, timeout=60, trust_env=False) as http:
        for file in files:
            told = http.get(f"/files/{file}/metadata").json()["data"]["metadata"]
            content = http.post(f"/assets/{file}/download").content
            digest = hashlib.sha3_512(content).hexdigest()
            assert (digest, len(content)) == (told["sha3_512"], told["size"])
            if file in senders.told:
                assert digest in {senders.told[file]} | senders.hoped.get(file, set())
    unanchored = server.query(
        "select 1 from file join blob b on b.id = blob_id where not exists (select from media where hash = b.sha3_512)"
    )
    assert not unanchored


def check_store(server: Server) -> None:
    """A day later nothing is in the store but what files and uploads keep."""

    async def delete_abandoned() -> None:
        database = Database(server.postgres_url, 1)
        await database.open()
        await delete_unused_blobs(database, ObjectStore("", server.data / "blobs"))
        await database.close()

    server.query("update blob set created_on = created_on - interval '25 hours' where not kept")
    asyncio.run(delete_abandoned())
    kept = server.query("select replace(blob_id::text, '-', '') as name from file union all"
                        " select replace(blob_id::text, '-', '') from upload where blob_id is not null")  # fmt: skip
    assert objects(server.data / "blobs") == {row["name"] for row in kept}
    assert server.query("select count(*) from blob")[0][0] == len(kept)


def objects(folder: Path) -> set[str]:
    """The names of all files in the store."""
    return {path.name for path in folder.rglob("*") if path.is_file()}
