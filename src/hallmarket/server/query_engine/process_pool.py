"""Pool of warm query processes, each lent to one query at a time."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog

from hallmarket.server.errors import Unavailable
from hallmarket.server.query_engine.errors import Diagnostic, QueryFailed
from hallmarket.server.query_engine.query_process import ProcessDied, QueryProcess
from hallmarket.server.query_engine.types import QueryLimits

log = structlog.get_logger()


class ProcessPool:
    """Starts, lends and replaces query processes; keeps up to `max_queries` of them idle and ready."""

    def __init__(self, limits: QueryLimits) -> None:
        self._limits = limits
        self._idle: deque[QueryProcess] = deque()
        self._lent: set[QueryProcess] = set()
        self._starting: asyncio.Task[QueryProcess] | None = None
        self._kills: set[asyncio.Task[None]] = set()
        self._closed = False

    async def close(self) -> None:
        """Kill all processes, including those that are running a query."""
        self._closed = True
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        await asyncio.gather(*self._kills, return_exceptions=True)
        await asyncio.gather(*(process.kill() for process in [*self._idle, *self._lent]))
        self._idle.clear()

    @asynccontextmanager
    async def lend(self, slots: asyncio.Semaphore) -> AsyncIterator[QueryProcess]:
        """Lend a process to one query once a slot is free. It is reused only if it has completed its response.

        Raises Unavailable if no slot becomes free within the time limit or no process starts; QueryFailed if the
        process dies.
        """
        try:
            await asyncio.wait_for(slots.acquire(), self._limits.timeout_s)
        except TimeoutError as error:
            raise Unavailable("Too many queries are running. Try again later.") from error
        process = None
        try:
            process = await self._take()
            self._lent.add(process)
            process.response = None
            self._keep_warm()
            yield process
        except ProcessDied as error:
            log.warning("a query process died")
            message = "The query stopped unexpectedly; it probably ran out of memory. Try it on fewer rows."
            raise QueryFailed(Diagnostic(message)) from error
        finally:
            slots.release()
            if process is not None:
                self._lent.discard(process)
                self._give_back(process)

    async def _take(self) -> QueryProcess:
        while self._idle:
            process = self._idle.popleft()
            if process.is_usable:
                return process
        starting, self._starting = self._starting, None
        try:
            return await (starting or QueryProcess.start(self._limits.memory_mib))
        except (ProcessDied, OSError) as error:
            log.warning("a query process did not start", error=str(error))
            raise Unavailable("Queries are temporarily unavailable. Try again.") from error

    def _give_back(self, process: QueryProcess) -> None:
        is_reusable = process.response is not None and process.is_usable
        if is_reusable and not self._closed and len(self._idle) < self._limits.max_queries:
            self._idle.append(process)
        else:
            task = asyncio.create_task(process.kill())
            self._kills.add(task)
            task.add_done_callback(self._kills.discard)
            self._keep_warm()

    def _keep_warm(self) -> None:
        """Start another process in the background, unless the pool is full."""
        is_full = len(self._idle) + len(self._lent) >= self._limits.max_queries
        if self._starting is None and not self._closed and not is_full:
            self._starting = asyncio.create_task(QueryProcess.start(self._limits.memory_mib))
            self._starting.add_done_callback(self._on_started)

    def _on_started(self, task: asyncio.Task[QueryProcess]) -> None:
        if task is not self._starting:
            return  # a query took it while it was starting
        self._starting = None
        if not task.cancelled() and task.exception() is None:
            self._idle.append(task.result())
            self._keep_warm()
        elif not task.cancelled():
            log.warning("a query process did not start")
