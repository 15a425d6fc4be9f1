"""Answers whose bodies come in pieces: bytes that are read as fast as they are taken, and no faster."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from typing import Any

import structlog
from litestar import Response
from litestar.types import ASGIApp, Receive, Scope, Send

from hallmarket.server.errors import DomainError
from hallmarket.server.http.body import CLIENT_GONE, ClientGone
from hallmarket.server.http.reply import Headers
from hallmarket.server.http.request_context import request_context

log = structlog.get_logger()


class Sending(Response[bytes]):
    """A handler's answer: a status, headers, and a body read from `pieces` to its end.

    Without `content-length` among the headers it is sent in chunks. Whoever is asked by HEAD gives no pieces. If the
    pieces raise a DomainError the answer is broken off.
    """

    def __init__(self, status: int, headers: Headers, pieces: AsyncGenerator[bytes, None] | None) -> None:
        super().__init__(b"", status_code=status)
        self._raw_headers = headers
        self._pieces = pieces

    def to_asgi_response(self, *_: Any, **__: Any) -> ASGIApp:  # type: ignore[override]  # all that is done with it
        """What the framework calls to answer."""
        return self._answer

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code or 200, "headers": self._raw_headers})
        try:
            if self._pieces is not None:
                await _send_all(self._pieces, receive, send)
        except ClientGone:
            request_context(scope).status = CLIENT_GONE
        except DomainError as error:
            # An answer without its end is broken off by the web server: what was sent cannot be taken for all there is.
            log.warning("an answer could not be ended", reason=error.message)
        else:
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _send_all(pieces: AsyncGenerator[bytes, None], receive: Receive, send: Send) -> None:
    """Send the pieces while somebody takes them. Raises ClientGone, and what `pieces` raise."""
    gone = asyncio.ensure_future(_wait_until_gone(receive))
    try:
        async with aclosing(pieces):
            async for piece in pieces:
                await send({"type": "http.response.body", "body": piece, "more_body": True})
                if gone.done():
                    raise ClientGone  # the server would go on taking pieces, for nobody
    finally:
        gone.cancel()


async def begun(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """The same pieces, the first of them read already, so that what fails at once fails before the answer begins."""
    first = await anext(pieces, None)

    async def all_of_them() -> AsyncGenerator[bytes, None]:
        async with aclosing(pieces):
            if first is not None:
                yield first
            async for piece in pieces:
                yield piece

    return all_of_them()


async def _wait_until_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def as_generator(pieces: AsyncIterator[bytes]) -> AsyncGenerator[bytes, None]:
    """Pieces with an end that can be called for."""
    if isinstance(pieces, AsyncGenerator):
        return pieces

    async def generate() -> AsyncGenerator[bytes, None]:
        async for piece in pieces:
            yield piece

    return generate()
