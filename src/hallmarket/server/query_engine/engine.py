"""The query engine: runs queries and exports over dataset versions, each in a query process."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from hallmarket.server.query_engine.errors import make_error
from hallmarket.server.query_engine.pipe_protocol import QueryRequest
from hallmarket.server.query_engine.process_pool import ProcessPool
from hallmarket.server.query_engine.time_limit import read_all, read_pieces
from hallmarket.server.query_engine.types import MIB, Format, Query, QueryLimits, ResultPage


class QueryEngine:
    """Runs queries in separate processes: a crash there does not affect the server.

    The first query starts the first process, so a server without datasets starts none.
    """

    def __init__(self, limits: QueryLimits | None = None) -> None:
        self._limits = limits or QueryLimits()
        self._pool = ProcessPool(self._limits)
        self._query_slots = asyncio.Semaphore(self._limits.max_queries)
        self._export_slots = asyncio.Semaphore(self._limits.max_exports)

    async def close(self) -> None:
        """Stop all query processes, including those that are running a query."""
        await self._pool.close()

    async def run(self, query: Query) -> ResultPage:
        """Run a query and return a page of its rows as JSON.

        Raises InvalidQuery if the query is wrong, runs too long or has too large a result; Unavailable if no query
        process becomes free within the time limit.
        """
        request = QueryRequest(query, None, self._limits.max_result_mib * MIB)
        async with self._pool.lend(self._query_slots) as process:
            rows = await read_all(process, request, self._limits.timeout_s)
            response = process.response
            assert response is not None
            if response.error is not None:
                raise make_error(response.error)
            return ResultPage(
                rows, response.row_count, response.columns, response.has_more, response.total, response.sql
            )

    async def export(self, query: Query, format_: Format) -> AsyncGenerator[bytes, None]:
        """Yield all rows of a query, written in `format_`, no faster than the caller takes them.

        Raises as `run` does. The time limit applies to each piece. An export is stopped if its caller takes no piece
        for `stalled_timeout_s`.
        """
        request = QueryRequest(query, format_, 0)
        async with (
            self._pool.lend(self._export_slots) as process,
            aclosing(read_pieces(process, request, self._limits)) as pieces,
        ):
            async for piece in pieces:
                yield piece
            if process.response is not None and process.response.error is not None:
                raise make_error(process.response.error)
