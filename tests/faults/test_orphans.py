"""What outlives a killed server: nothing of ours but PostgreSQL, which the next start takes over.

`HALLMARKET_FAULT_ROUNDS` repeats the rounds more often.
"""

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
from _support.processes import find_children, wait_until_gone
from _support.servers import HALLMARKET, Server
from _support.waiting import wait_until
from faults.audit import audit
from faults.embedded import new_embedded_server
from faults.load import Witness, under_load
from faults.rounds import FACTOR, long_enough, rounds

pytestmark = long_enough
MAX_LIFE_S = 20.0  # 3 s on a machine that has nothing else to do


def test_nothing_outlives_a_killed_server(server: Server, witness: Witness) -> None:
    """Under load, workers and sequencer follow a killed server in seconds, and its port can be served again at once."""
    with under_load(witness, server):
        witness.wait_for_more()
        for _ in rounds(1):
            with _orphaned(server) as orphans:
                lives_until = time.monotonic() + MAX_LIFE_S
                server.start()
                wait_until_gone(orphans, max(lives_until - time.monotonic(), 0))
            witness.wait_for_more()
    audit(server, witness)


def test_nothing_keeps_an_orphan_alive(server: Server, witness: Witness) -> None:
    """Neither a request that never ends nor a database that does not answer keeps a killed server's processes alive."""
    lock = "lock table log_head, media in access exclusive mode"
    with _stalled_request(server), _locked(server, lock), server.client() as http:
        asking = threading.Thread(target=_anchor_in_vain, args=(http, witness))
        asking.start()
        time.sleep(0.5)
        with _orphaned(server) as orphans:
            wait_until_gone(orphans, MAX_LIFE_S)
        asking.join()
    server.start()
    audit(server, witness)


def test_killed_in_the_middle_of_a_start() -> None:
    """A server killed at any moment of its first start, or a later one, starts the next time as if nothing had been."""
    with new_embedded_server(start=False) as server:
        for _ in range(3 * FACTOR):
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
    """Whatever runs on this server's data folder, save PostgreSQL, which knows nothing of our environment."""
    mine = str(server.data)
    return [
        one for one in psutil.process_iter(["environ"]) if (one.info["environ"] or {}).get("HALLMARKET_DATA") == mine
    ]


@contextmanager
def _orphaned(server: Server) -> Iterator[list[psutil.Process]]:
    """Kill the server's first process; gives those it leaves behind, without waiting for any."""
    orphans, process = find_children(server), server.process
    assert len(orphans) == 4
    assert process is not None
    process.kill()
    process.wait()
    yield orphans
    # Only now: reading from what the orphans may still write to would wait for them.
    assert process.stdout is not None
    process.stdout.close()


def _anchor_in_vain(http: httpx.Client, witness: Witness) -> None:
    hash_text = random_hash()
    witness.sent.add(hash_text)
    with pytest.raises(httpx.TransportError):
        http.post("/v1/media/anchor", json={"hash": hash_text, "size": 1})


@contextmanager
def _stalled_request(server: Server) -> Iterator[None]:
    """A request of which the end never comes."""
    with socket.create_connection((urlsplit(server.url).hostname, urlsplit(server.url).port)) as connection:
        connection.sendall(
            b"POST /v1/media/anchor HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n"
            b"x-api-key: %s\r\ncontent-length: 1000\r\n\r\n{" % server.api_key.encode()
        )
        yield


@contextmanager
def _locked(server: Server, statement: str) -> Iterator[None]:
    """Hold a lock of the server's database from a thread of its own."""
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
