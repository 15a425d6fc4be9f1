"""One query process, as the server sees it: started, sent one request at a time, and killed if it must be."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import suppress

import msgspec

from hallmarket.server.query_engine.pipe_protocol import (
    DATA,
    FRAME_HEADER,
    LENGTH_BYTES,
    READY,
    QueryRequest,
    QueryResponse,
)

START_TIMEOUT_S = 30
READ_BUFFER_BYTES = 1024 * 1024
# The whole environment of the process. Arrow's system pool and few malloc arenas keep memory that the libraries
# would reserve for each thread from counting against the query's limit.
ENVIRONMENT = {"ARROW_DEFAULT_MEMORY_POOL": "system", "MALLOC_ARENA_MAX": "4", "TZ": "UTC", "LC_ALL": "C.UTF-8"}


class ProcessDied(Exception):
    """The process ended before it had completed its response."""


class QueryProcess:
    """A query process. Its user must read each result to its end, or kill the process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.response: QueryResponse | None = None

    @classmethod
    async def start(cls, memory_mib: int) -> "QueryProcess":
        """Start a process that may use `memory_mib` for each query, and wait until it is ready.

        Raises ProcessDied if it does not become ready.
        """
        process = await asyncio.create_subprocess_exec(
            *(
                sys.executable,
                "-I",
                "-m",
                "hallmarket.server.query_engine.process_main",
                str(os.getpid()),
                str(memory_mib),
            ),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=ENVIRONMENT,
            limit=READ_BUFFER_BYTES,
        )
        started = cls(process)
        try:
            async with asyncio.timeout(START_TIMEOUT_S):
                kind, _ = await started._read_frame()
        except BaseException as error:
            await started.kill()
            if isinstance(error, TimeoutError):
                raise ProcessDied from error
            raise
        if kind != READY:
            await started.kill()
            raise ProcessDied
        return started

    @property
    def is_usable(self) -> bool:
        """Whether it can take another request."""
        return self._process.returncode is None and (self.response is None or not self.response.is_last)

    async def run(self, request: QueryRequest) -> AsyncGenerator[bytes, None]:
        """Send a request and yield the pieces of its result; then set `response`. Raises ProcessDied."""
        self.response = None
        body = msgspec.json.encode(request, enc_hook=str)
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(len(body).to_bytes(LENGTH_BYTES) + body)
            await self._process.stdin.drain()
        except (ConnectionError, RuntimeError) as error:
            raise ProcessDied from error
        while True:
            kind, payload = await self._read_frame()
            if kind != DATA:
                break
            yield payload
        self.response = msgspec.json.decode(payload, type=QueryResponse)

    async def _read_frame(self) -> tuple[bytes, bytes]:
        """Read the next frame: its kind and payload. Raises ProcessDied."""
        reader = self._process.stdout
        assert reader is not None
        try:
            kind, size_bytes = FRAME_HEADER.unpack(await reader.readexactly(FRAME_HEADER.size))
            return kind, await reader.readexactly(size_bytes)
        except (EOFError, ConnectionError) as error:
            raise ProcessDied from error

    def send_kill(self) -> None:
        """Kill the process without waiting for its end. Reading its result then raises ProcessDied."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def kill(self) -> None:
        """Kill the process and wait for its end."""
        self.send_kill()
        await asyncio.shield(self._process.wait())
