"""Orphans of a killed server: its processes end, and the next start takes over its PostgreSQL."""

import asyncio
import random
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import asyncpg
import httpx
import psutil
import pytest

from _support.anchoring import random_hash
from _support.long_run import FACTOR, choose, fault_timeout, rounds
from _support.processes import find_children, wait_until_gone
from _support.servers import HALLMARKET, Server
from _support.waiting import wait_until
from faults.audit import audit
from faults.embedded import new_embedded_server
from faults.load import Witness, under_load

pytestmark = fault_timeout
MAX_ORPHAN_LIFE_S = 20.0  # 3 s on an idle machine


def test_processes_end_with_a_killed_server(server: Server, witness: Witness) -> None:
    """Under load, the processes of a killed server end in seconds, and its port can be reused immediately."""
    with under_load(witness, server):
        witness.wait_for_more()
        for _ in rounds(1):
            with _orphaned(server) as orphans:
                lives_until = time.monotonic() + MAX_ORPHAN_LIFE_S
                server.start()
                wait_until_gone(orphans, max(lives_until - time.monotonic(), 0))
            witness.wait_for_more()
    audit(server, witness)


def test_stalled_work_keeps_no_orphan_alive(server: Server, witness: Witness) -> None:
    """Neither an unfinished request nor a database that does not respond keeps a killed server's processes alive."""
    lock = "lock table log_head, media in access exclusive mode"
    with _stalled_request(server), _locked(server, lock), server.client() as http:
        request = threading.Thread(target=_anchor_until_disconnected, args=(http, witness))
        request.start()
        time.sleep(0.5)
        with _orphaned(server) as orphans:
            wait_until_gone(orphans, MAX_ORPHAN_LIFE_S)
        request.join()
    server.start()
    audit(server, witness)


def test_killed_during_a_start() -> None:
    """A server killed at any moment of a start, the first one or a later one, starts normally the next time."""
    with new_embedded_server(start=False) as server:
        for _ in range(choose(2, 5) * FACTOR):
            process = subprocess.Popen(
                [HALLMARKET, "serve", "--port", "0"],
                env=server.environment,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            time.sleep(random.uniform(0.3, 3.0))
            process.send_signal(signal.SIGKILL)
            process.wait()
        wait_until(lambda: not _processes_of(server))
        server.start()
        with server.client("") as http:
            assert http.get("/readyz").json()["status"] == "ready"
            assert wait_until(lambda: http.get("/log/checkpoint").status_code == 200)


def _processes_of(server: Server) -> list[psutil.Process]:
    """Return all processes of this server's data folder except PostgreSQL, which does not inherit the environment."""
    folder = str(server.data)
    return [
        one for one in psutil.process_iter(["environ"]) if (one.info["environ"] or {}).get("HALLMARKET_DATA") == folder
    ]


@contextmanager
def _orphaned(server: Server) -> Iterator[list[psutil.Process]]:
    """Kill the server's parent process; yield its orphans without waiting for them."""
    orphans, process = find_children(server), server.process
    assert len(orphans) == 4
    assert process is not None
    process.kill()
    process.wait()
    yield orphans
    # Closed only now: the thread that reads stdout waits until no orphan can write to it.
    assert process.stdout is not None
    process.stdout.close()


def _anchor_until_disconnected(http: httpx.Client, witness: Witness) -> None:
    hash_text = random_hash()
    witness.sent.add(hash_text)
    with pytest.raises(httpx.TransportError):
        http.post("/v1/media/anchor", json={"hash": hash_text, "size": 1})


@contextmanager
def _stalled_request(server: Server) -> Iterator[None]:
    """Send a request whose body never ends."""
    with socket.create_connection((urlsplit(server.url).hostname, urlsplit(server.url).port)) as connection:
        connection.sendall(
            b"POST /v1/media/anchor HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            b"x-api-key: %s\r\ncontent-length: 1000\r\n\r\n{" % server.api_key.encode()
        )
        yield


@contextmanager
def _locked(server: Server, statement: str) -> Iterator[None]:
    """Hold a lock in the server's database from a separate thread."""
    held, over = threading.Event(), threading.Event()

    async def hold() -> None:
        connection = await asyncpg.connect(server.postgres_url)
        try:
            async with connection.transaction():
                await connection.execute(statement)
                held.set()
                await asyncio.to_thread(over.wait)
        finally:
            await connection.close()

    thread = threading.Thread(target=lambda: asyncio.run(hold()))
    thread.start()
    try:
        assert held.wait(60)
        yield
    finally:
        over.set()
        thread.join()
