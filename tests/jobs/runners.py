"""Job runners for the tests: in this process, and in child processes that can be killed."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
import msgspec

from _support.servers import Server
from hallmarket.server.jobs.enqueue import enqueue
from hallmarket.server.jobs.runner import JobRunner
from hallmarket.server.room import JobHandler

# Starts one job, prints a line, and never finishes.
STUCK_RUNNER = """
import asyncio, sys
from datetime import timedelta
from hallmarket.server.jobs import runner
from hallmarket.server.room import JobHandler
runner.HEARTBEAT_TIMEOUT = timedelta(seconds=1)
async def run(payload):
    print("running", flush=True)
    await asyncio.sleep(1000)
async def on_give_up(payload, reason):
    print("given up", flush=True)
asyncio.run(runner.JobRunner(sys.argv[1], {sys.argv[2]: JobHandler(run, on_give_up)}).run())
"""


class RecordingHandler:
    """A handler of one kind of job that records which jobs were done and which were given up."""

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.done: list[Any] = []
        self.given_up: list[tuple[Any, str]] = []

    def handlers(self, work: Callable[[Any], Awaitable[None]] | None = None) -> Mapping[str, JobHandler]:
        """The handlers for a runner. A job is recorded as done after `work`, if given, has succeeded."""

        async def run(payload: bytes) -> None:
            value = msgspec.json.decode(payload)
            if work is not None:
                await work(value)
            self.done.append(value)

        async def on_give_up(payload: bytes, reason: str) -> None:
            self.given_up.append((msgspec.json.decode(payload), reason))

        return {self.kind: JobHandler(run, on_give_up)}


@asynccontextmanager
async def running(server: Server, handlers: Mapping[str, JobHandler]) -> AsyncIterator[JobRunner]:
    """Run a job runner during the block, and stop it at the end."""
    runner = JobRunner(server.postgres_url, handlers)
    task = asyncio.create_task(runner.run())
    try:
        yield runner
    finally:
        runner.stop()
        await asyncio.wait_for(task, 30)


async def enqueue_committed(server: Server, kind: str, *payloads: Any) -> None:
    """Enqueue one job per payload in a transaction that commits."""
    connection = await asyncpg.connect(server.postgres_url)
    try:
        async with connection.transaction():
            for payload in payloads:
                await enqueue(connection, kind, payload)
    finally:
        await connection.close()


async def wait_for(condition: Callable[[], Any], timeout_s: float = 60.0) -> None:
    """Wait until the condition is true. Raises TimeoutError after `timeout_s`."""
    async with asyncio.timeout(timeout_s):
        while not condition():  # noqa: ASYNC110 (the awaited event happens in a database)
            await asyncio.sleep(0.01)


def start_job_and_kill(server: Server, kind: str) -> None:
    """Start a job of this kind in another process, and kill that process while the job runs."""
    command = [sys.executable, "-c", STUCK_RUNNER, server.postgres_url, kind]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        try:
            assert process.stdout.readline() == b"running\n"
        finally:
            with suppress(ProcessLookupError):
                process.kill()
