"""A query process, seen from the server: started, asked one thing at a time, and killed when it takes too long."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import suppress

import msgspec

from hallmarket.server.query_engine.confine import ENVIRONMENT
from hallmarket.server.query_engine.frames import DATA, READY, read_frame
from hallmarket.server.query_engine.types import Ending, Job, Limits

START_TIMEOUT_S = 30
BUFFER_BYTES = 1024 * 1024


class Gone(Exception):
    """The process ended in the middle of its work."""


class QueryProcess:
    """One process. Whoever asks it reads its answer to the end, or kills it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.ending: Ending | None = None

    @classmethod
    async def start(cls, limits: Limits) -> "QueryProcess":
        """A process that is ready. Raises Gone if it does not come up."""
        process = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-I",
                "-m",
                "hallmarket.server.query_engine.child",
                str(os.getpid()),
                str(limits.memory_mib),
            ),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=ENVIRONMENT,
            limit=BUFFER_BYTES,
        )
        started = cls(process)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                kind, _ = await started._read()
        except BaseException as error:
            await started.kill()
            if isinstance(error, TimeoutError):
                raise Gone from error
            raise
        if kind != READY:
            await started.kill()
            raise Gone
        return started

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def usable(self) -> bool:
        """Whether it can be asked again."""
        return self._process.returncode is None and (self.ending is None or not self.ending.tired)

    async def ask(self, job: Job) -> AsyncGenerator[bytes, None]:
        """The pieces of an answer; what it ends with is then in `ending`. Raises Gone if the process dies."""
        self.ending = None
        body = msgspec.json.encode(job, enc_hook=str)
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(len(body).to_bytes(4) + body)
            await self._process.stdin.drain()
        except (ConnectionError, RuntimeError) as error:
            raise Gone from error
        while True:
            kind, payload = await self._read()
            if kind != DATA:
                break
            yield payload
        self.ending = msgspec.json.decode(payload, type=Ending)

    async def _read(self) -> tuple[bytes, bytes]:
        assert self._process.stdout is not None
        try:
            return await read_frame(self._process.stdout)
        except (EOFError, ConnectionError) as error:
            raise Gone from error

    def abandon(self) -> None:
        """End it at once; whoever reads its answer finds it gone."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def kill(self) -> None:
        """End it at once, whatever it does, and wait until it is gone."""
        self.abandon()
        await asyncio.shield(self._process.wait())
