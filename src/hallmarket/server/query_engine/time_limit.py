"""Time limits: stops a query that runs too long, and an export whose reader has stalled."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing

from hallmarket.server.query_engine.errors import Diagnostic, QueryTimeout
from hallmarket.server.query_engine.pipe_protocol import QueryRequest
from hallmarket.server.query_engine.query_process import QueryProcess
from hallmarket.server.query_engine.types import QueryLimits


async def read_all(process: QueryProcess, request: QueryRequest, timeout_s: float) -> bytes:
    """Run a request and return its whole result. Kills the process and raises QueryTimeout after `timeout_s`."""
    try:
        async with asyncio.timeout(timeout_s):
            return b"".join([piece async for piece in process.run(request)])
    except TimeoutError as error:
        process.send_kill()
        message = f"The query took longer than {timeout_s:g} s and was stopped. Simplify it, or read fewer rows."
        raise QueryTimeout(Diagnostic(message)) from error


async def read_pieces(process: QueryProcess, request: QueryRequest, limits: QueryLimits) -> AsyncGenerator[bytes, None]:
    """Run a request and yield its result piece by piece.

    Kills the process and raises QueryTimeout if a piece takes longer than `timeout_s`. Kills the process if the caller
    does not take a piece within `stalled_timeout_s`; the next read then raises ProcessDied.
    """
    async with aclosing(process.run(request)) as pieces:
        try:
            while (piece := await asyncio.wait_for(anext(pieces, None), limits.timeout_s)) is not None:
                stalled = asyncio.get_running_loop().call_later(limits.stalled_timeout_s, process.send_kill)
                try:
                    yield piece
                finally:
                    stalled.cancel()
        except TimeoutError as error:
            process.send_kill()
            message = f"The export was stopped: its next rows took longer than {limits.timeout_s:g} s."
            raise QueryTimeout(Diagnostic(message)) from error
