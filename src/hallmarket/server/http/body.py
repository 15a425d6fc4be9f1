"""Request bodies: read with a bound, unpacked with a bound, on disk where they are large."""

import tempfile
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, cast

import structlog
from litestar.types import HTTPReceiveMessage, Receive, ReceiveMessage

from hallmarket.server.errors import InvalidRequest, PayloadTooLarge, Unavailable
from hallmarket.server.http.request_context import RequestContext

PIECE_BYTES = 256 * 1024
MAX_BODY_BYTES = 16 * 1024 * 1024
LINGER_BYTES = 16 * 1024 * 1024
log = structlog.get_logger()


CLIENT_GONE = 499  # how the log says that nobody was there any more to be answered


class ClientGone(Exception):
    """The client hung up before its request was complete; there is nobody to answer."""


async def read_body(context: RequestContext, limit_bytes: int) -> bytes:
    """The whole body, unpacked, at most `limit_bytes`.

    Raises PayloadTooLarge, InvalidRequest for an encoding other than gzip or identity, ClientGone.
    """
    if b"content-encoding" not in context.headers:
        message = await context.receive()
        if message["type"] == "http.request":
            context.body_ended = not message["more_body"]
            if context.body_ended and len(message["body"]) <= limit_bytes:
                return message["body"]  # nearly every request: one message, nothing to gather
        pieces = [piece async for piece in _bounded(context, _raw(context, message), limit_bytes)]
    else:
        pieces = [piece async for piece in _bounded(context, unpacked(context), limit_bytes)]
    return b"".join(pieces)


async def spool_body(context: RequestContext, limit_bytes: int, folder: Path) -> IO[bytes]:
    """The whole body, unpacked, in a nameless file of `folder`, so that memory does not grow with it.

    Raises as `read_body`; Unavailable if the disk is full.
    """
    try:
        spool = tempfile.TemporaryFile(dir=folder, prefix="body-")  # noqa: SIM115 (the caller closes it)
        try:
            async for piece in _bounded(context, unpacked(context), limit_bytes):
                spool.write(piece)
            spool.seek(0)
        except BaseException:
            spool.close()
            raise
    except OSError as error:
        log.error("a request's body could not be kept", folder=str(folder), error=str(error))
        await _linger(context)
        raise Unavailable("There is no room for this body at the moment; nothing was changed. Try again.") from None
    return spool


def unpacking(context: RequestContext) -> Receive:
    """ASGI's `receive` for the exchange dialect: the body in one piece, gzip undone, at most MAX_BODY_BYTES.

    Raises as `read_body`.
    """

    async def receive() -> HTTPReceiveMessage:
        if context.body_ended:
            return cast("HTTPReceiveMessage", await context.receive())  # waits for the end of the connection
        body = await read_body(context, MAX_BODY_BYTES)
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def unpacked(context: RequestContext) -> AsyncIterator[bytes]:
    """The body's pieces, each at most PIECE_BYTES, gzip undone as Content-Encoding says."""
    encoding = context.headers.get(b"content-encoding", b"identity").strip().lower()
    if encoding == b"identity":
        async for piece in _raw(context):
            yield piece
        return
    if encoding not in (b"gzip", b"x-gzip"):
        raise InvalidRequest("Content-Encoding must be gzip or identity.", "content-encoding")
    unpacker = zlib.decompressobj(wbits=31)
    try:
        async for packed in _raw(context):
            rest = packed
            while rest:
                if unpacker.eof:  # gzip files may follow one another
                    unpacker = zlib.decompressobj(wbits=31)
                yield unpacker.decompress(rest, PIECE_BYTES)
                rest = unpacker.unused_data if unpacker.eof else unpacker.unconsumed_tail
        # What is still inside comes out in pieces too: a bomb may hold it back to the end.
        while not unpacker.eof and (piece := unpacker.decompress(unpacker.unconsumed_tail, PIECE_BYTES)):
            yield piece
    except zlib.error:
        raise InvalidRequest("The body is not the gzip its Content-Encoding says.", "content-encoding") from None
    if not unpacker.eof:
        raise InvalidRequest("The gzip body ends too early.", "content-encoding")


async def _raw(context: RequestContext, first: ReceiveMessage | None = None) -> AsyncIterator[bytes]:
    message = first or await context.receive()
    while True:
        if message["type"] != "http.request":
            raise ClientGone
        context.body_ended = not message.get("more_body", False)
        if body := message.get("body", b""):
            yield body
        if context.body_ended:
            return
        message = await context.receive()


async def _bounded(context: RequestContext, pieces: AsyncIterator[bytes], limit_bytes: int) -> AsyncIterator[bytes]:
    seen = 0
    declared = context.headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > limit_bytes:
        seen = limit_bytes + 1
    if seen <= limit_bytes:
        async for piece in pieces:
            seen += len(piece)
            if seen > limit_bytes:
                break
            yield piece
    if seen > limit_bytes:
        await _linger(context)
        raise PayloadTooLarge(f"The body may have at most {limit_bytes} bytes, unpacked.", {"limitBytes": limit_bytes})


async def _linger(context: RequestContext) -> None:
    """Read on for a while, so that a client still sending hears the answer rather than a broken connection."""
    left = LINGER_BYTES
    while left > 0 and not context.body_ended:
        message = await context.receive()
        if message["type"] != "http.request":
            raise ClientGone
        context.body_ended = not message["more_body"]
        left -= len(message["body"])
