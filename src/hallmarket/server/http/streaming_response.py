"""Responses whose bodies are streamed: chunks are produced as fast as the client reads them."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import structlog
from litestar import Response
from litestar.types import ASGIApp, Receive, Scope, Send

from hallmarket.server.errors import DomainError
from hallmarket.server.http.body import CLIENT_CLOSED_REQUEST, ClientDisconnected
from hallmarket.server.http.reply import Headers
from hallmarket.server.http.request_context import request_context

log = structlog.get_logger()


class StreamingResponse(Response[bytes]):
    """A status, headers, and a body of chunks; None for the response to a HEAD.

    Without a `content-length` header the body is sent in HTTP chunks. If the iteration raises a DomainError, the
    response is cut off.
    """

    def __init__(self, status: int, headers: Headers, chunks: AsyncGenerator[bytes, None] | None) -> None:
        super().__init__(b"", status_code=status)
        self._raw_headers = headers
        self._chunks = chunks

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIApp:  # type: ignore[override]  # needs none of the arguments
        """Return the ASGI application that sends this response. Litestar calls it."""
        return self._respond

    async def _respond(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code or 200, "headers": self._raw_headers})
        try:
            if self._chunks is not None:
                await _send_chunks(self._chunks, receive, send)
        except ClientDisconnected:
            request_context(scope).status = CLIENT_CLOSED_REQUEST
        except DomainError as error:
            # The web server cuts off a response without an end, so the client cannot take it for complete.
            log.warning("a streamed response was cut off", reason=error.message)
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_chunks(chunks: AsyncGenerator[bytes, None], receive: Receive, send: Send) -> None:
    """Send the chunks. Raises ClientDisconnected, and what the iteration raises."""
    disconnected = asyncio.ensure_future(_wait_for_disconnect(receive))
    try:
        async with aclosing(chunks):
            async for chunk in chunks:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
                if disconnected.done():
                    raise ClientDisconnected  # the web server would accept further chunks and discard them
    finally:
        disconnected.cancel()


async def read_first_chunk(chunks: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Return the same chunks with the first one already read, so that an early error is raised before the response."""
    first = await anext(chunks, None)

    async def generate() -> AsyncGenerator[bytes, None]:
        async with aclosing(chunks):
            if first is not None:
                yield first
            async for chunk in chunks:
                yield chunk

    return generate()


async def _wait_for_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def as_generator(chunks: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Return the chunks as a generator, which can be closed."""
    if isinstance(chunks, AsyncGenerator):
        return chunks

    async def generate() -> AsyncGenerator[bytes, None]:
        async for chunk in chunks:
            yield chunk

    return generate()
