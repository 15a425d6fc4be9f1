"""The query processes of an HTTP worker: a few that are warm, lent to one question at a time."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import aclosing, asynccontextmanager

import structlog

from hallmarket.server.errors import Unavailable
from hallmarket.server.query_engine.process import Gone, QueryProcess
from hallmarket.server.query_engine.types import (
    MIB,
    Format,
    Job,
    Limits,
    Query,
    QueryError,
    QueryFailed,
    QueryTimeout,
    Rows,
    error_of,
)

log = structlog.get_logger()


class Engine:
    """Answers queries over the files of a dataset's version, in processes that may die without taking us along.

    The first query starts the first process: a server without datasets pays nothing for them.
    """

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._queries = asyncio.Semaphore(self.limits.processes)
        self._exports = asyncio.Semaphore(self.limits.exports)
        self._idle: deque[QueryProcess] = deque()
        self._used: set[QueryProcess] = set()
        self._starting: asyncio.Task[QueryProcess] | None = None
        self._background: set[asyncio.Task[None]] = set()
        self._closed = False

    async def close(self) -> None:
        """End all processes, in the middle of their work if need be."""
        self._closed = True
        if self._starting is not None:
            self._starting.cancel()
            await asyncio.gather(self._starting, return_exceptions=True)
        await asyncio.gather(*self._background, return_exceptions=True)
        await asyncio.gather(*(process.kill() for process in [*self._idle, *self._used]))
        self._idle.clear()

    async def ask(self, query: Query) -> Rows:
        """A page of a query's rows as JSON. Raises InvalidQuery for a mistake, too long a time or too large a result;
        Unavailable if others are being answered for longer than a query may take."""
        async with self._lend(self._queries) as process:
            try:
                async with asyncio.timeout(self.limits.timeout_s):
                    answer = process.ask(Job(query, None, self.limits.max_result_mib * MIB))
                    pieces = [piece async for piece in answer]
            except TimeoutError as error:
                message = f"The query took longer than {self.limits.timeout_s:g} s and was ended."
                raise QueryTimeout(QueryError(message)) from error
            ending = process.ending
            assert ending is not None
            if ending.mistake is not None:
                raise error_of(ending.mistake)
            return Rows(b"".join(pieces), ending.rows, ending.columns, ending.has_more, ending.total, ending.sql)

    async def export(self, query: Query, format_: Format) -> AsyncGenerator[bytes, None]:
        """All rows, written in `format_`, piece by piece: no faster than they are taken. Raises as `ask` does.

        The process may take `timeout_s` for a piece; whoever takes none for `stalled_timeout_s` is given up.
        """
        async with self._lend(self._exports) as process, aclosing(process.ask(Job(query, format_, 0))) as pieces:
            try:
                while (piece := await asyncio.wait_for(anext(pieces, None), self.limits.timeout_s)) is not None:
                    stalled = asyncio.get_running_loop().call_later(self.limits.stalled_timeout_s, process.abandon)
                    try:
                        yield piece
                    finally:
                        stalled.cancel()
            except TimeoutError as error:
                message = "The export was ended: the next rows took too long."
                raise QueryTimeout(QueryError(message)) from error
            if process.ending is not None and process.ending.mistake is not None:
                raise error_of(process.ending.mistake)

    @asynccontextmanager
    async def _lend(self, places: asyncio.Semaphore) -> AsyncIterator[QueryProcess]:
        """A process for one question. It comes back only if it has said all there is to say; else it is killed."""
        try:
            await asyncio.wait_for(places.acquire(), self.limits.timeout_s)
        except TimeoutError as error:
            raise Unavailable("Too many queries are being answered. Try again.") from error
        process = None
        try:
            process = await self._take()
            self._used.add(process)
            process.ending = None
            self._keep_warm()
            yield process
        except Gone as error:
            log.warning("a query process died")
            message = "The query could not be finished; it may need more memory than it may have."
            raise QueryFailed(QueryError(message)) from error
        finally:
            places.release()
            if process is not None:
                self._used.discard(process)
                self._give_back(process)

    async def _take(self) -> QueryProcess:
        while self._idle:
            process = self._idle.popleft()
            if process.usable:
                return process
        starting, self._starting = self._starting, None
        try:
            return await (starting or QueryProcess.start(self.limits))
        except (Gone, OSError) as error:
            log.warning("a query process did not start", error=str(error))
            raise Unavailable("Queries cannot be answered for the moment. Try again.") from error

    def _give_back(self, process: QueryProcess) -> None:
        done = process.ending is not None and process.usable
        if done and not self._closed and len(self._idle) < self.limits.processes:
            self._idle.append(process)
        else:
            self._do(process.kill())
            self._keep_warm()

    def _keep_warm(self) -> None:
        """Start one that is ready for whoever comes next, if there are less than may be."""
        if self._starting is None and not self._closed and len(self._idle) + len(self._used) < self.limits.processes:
            self._starting = asyncio.create_task(QueryProcess.start(self.limits))
            self._starting.add_done_callback(self._started)

    def _started(self, task: asyncio.Task[QueryProcess]) -> None:
        if task is not self._starting:
            return  # somebody could not wait, and has it
        self._starting = None
        if not task.cancelled() and task.exception() is None:
            self._idle.append(task.result())
            self._keep_warm()
        elif not task.cancelled():
            log.warning("a query process did not start")

    def _do(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._background.discard)
