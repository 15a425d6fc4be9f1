"""Runners for the tests: in this process, and in processes of their own that can be killed."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import msgspec

from hallmarket.server.jobs.enqueue import enqueue
from hallmarket.server.jobs.run import Runner
from hallmarket.server.jobs.types import Kind
from support import Server

# Takes one job in hand, says so, and never ends.
STUCK = """
import asyncio, sys
from datetime import timedelta
from hallmarket.server.jobs import run
from hallmarket.server.jobs.types import Kind
run.HEARTBEAT_TIMEOUT = timedelta(seconds=1)
async def work(payload):
    print("in hand", flush=True)
    await asyncio.sleep(1000)
async def give_up(payload, reason):
    print("given up", flush=True)
asyncio.run(run.Runner(sys.argv[1], {sys.argv[2]: Kind(work, give_up)}).run())
"""


class Bench:
    """One kind of job, and what became of its jobs."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.done: list[Any] = []
        self.given_up: list[tuple[Any, str]] = []

    def kinds(self, work: Callable[[Any], Awaitable[None]] | None = None) -> Mapping[str, Kind]:
        """The kind, with `work` to be done before a job counts as done."""

        async def run(payload: bytes) -> None:
            told = msgspec.json.decode(payload)
            if work is not None:
                await work(told)
            self.done.append(told)

        async def give_up(payload: bytes, reason: str) -> None:
            self.given_up.append((msgspec.json.decode(payload), reason))

        return {self.kind: Kind(run, give_up)}


@asynccontextmanager
async def running(server: Server, kinds: Mapping[str, Kind]) -> AsyncIterator[Runner]:
    """A runner at work, stopped at the end."""
    runner = Runner(server.postgres_url, kinds)
    task = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        runner.stop()
        await asyncio.wait_for(task, 30)


async def ask(server: Server, kind: str, *payloads: Any) -> None:
    """Enqueue in a transaction that commits."""
    connection = await asyncpg.connect(server.postgres_url)
    try:
        async with connection.transaction():
            for payload in payloads:
                await enqueue(connection, kind, payload)
    finally:
        await connection.close()


async def until(condition: Callable[[], Any], timeout_s: float = 60.0) -> None:
    """Wait until something is so; fails after `timeout_s`."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 (what is waited for happens in a database)
            await asyncio.sleep(0.01)


def take_and_die(server: Server, kind: str) -> None:
    """Have a process take a job of this kind in hand, and kill it."""
    command = [sys.executable, "-c", STUCK, server.postgres_url, kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"in hand\n"
        finally:
            with suppress(ProcessLookupError):
                process.kill()
