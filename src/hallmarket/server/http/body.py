"""Request bodies: read and decompress them within a size limit, into memory or a temporary file."""

import tempfile
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import IO, cast

import structlog
from litestar.types import HTTPReceiveMessage, Receive, ReceiveMessage

from hallmarket.server.errors import InvalidRequest, PayloadTooLarge, Unavailable
from hallmarket.server.http.request_context import RequestContext

READ_CHUNK_BYTES = 256 * 1024
MAX_BODY_BYTES = 16 * 1024 * 1024
MAX_DRAIN_BYTES = 16 * 1024 * 1024
CLIENT_CLOSED_REQUEST = 499  # the status in the log of a request whose client disconnected; as nginx has it
log = structlog.get_logger()


class ClientDisconnected(Exception):
    """The client disconnected before its request was complete, so there is no response to send."""


async def read_body(context: RequestContext, max_bytes: int) -> bytes:
    """Read and decompress the whole body, which may have at most `max_bytes`.

    Raises PayloadTooLarge, InvalidRequest for an encoding other than gzip or identity, ClientDisconnected.
    """
    if b"content-encoding" not in context.headers:
        message = await context.receive()
        if message["type"] == "http.request":
            context.body_ended = not message["more_body"]
            if context.body_ended and len(message["body"]) <= max_bytes:
                return message["body"]  # the usual case: one message, and nothing to join
        chunks = [chunk async for chunk in _limited(context, _raw_chunks(context, message), max_bytes)]
    else:
        chunks = [chunk async for chunk in _limited(context, decompressed_chunks(context), max_bytes)]
    return b"".join(chunks)


async def spool_body(context: RequestContext, max_bytes: int, folder: Path) -> IO[bytes]:
    """Decompress the whole body into an unnamed file in `folder`, so that large bodies need no memory.

    Raises what `read_body` raises, and Unavailable if the disk is full.
    """
    try:
        spool = tempfile.TemporaryFile(dir=folder, prefix="body-")  # noqa: SIM115 (the caller closes it)
        try:
            async for chunk in _limited(context, decompressed_chunks(context), max_bytes):
                spool.write(chunk)
            spool.seek(0)
        except BaseException:
            spool.close()
            raise
    except OSError as error:
        log.error("a request's body could not be stored", folder=str(folder), error=str(error))
        await _drain(context)
        raise Unavailable("The server has no disk space for this body. Nothing was changed. Try again.") from None
    return spool


def decompressing_receive(context: RequestContext) -> Receive:
    """Return ASGI's `receive` for the exchange dialect: the decompressed body in one message of up to MAX_BODY_BYTES.

    It raises what `read_body` raises.
    """

    async def receive() -> HTTPReceiveMessage:
        if context.body_ended:
            return cast("HTTPReceiveMessage", await context.receive())  # waits for the end of the connection
        body = await read_body(context, MAX_BODY_BYTES)
        return {"type": "http.request", "body": body, "more_body": False}

    return receive


async def decompressed_chunks(context: RequestContext) -> AsyncIterator[bytes]:
    """Yield the body in chunks, decompressed if its Content-Encoding is gzip.

    A decompressed chunk has at most READ_CHUNK_BYTES. Raises InvalidRequest for another encoding and for invalid gzip,
    ClientDisconnected.
    """
    encoding = context.headers.get(b"content-encoding", b"identity").strip().lower()
    if encoding == b"identity":
        async for chunk in _raw_chunks(context):
            yield chunk
        return
    if encoding not in (b"gzip", b"x-gzip"):
        raise InvalidRequest("Content-Encoding must be gzip or identity.", "content-encoding")
    decompressor = zlib.decompressobj(wbits=31)
    try:
        async for compressed in _raw_chunks(context):
            rest = compressed
            while rest:
                if decompressor.eof:  # a gzip stream may have several members
                    decompressor = zlib.decompressobj(wbits=31)
                yield decompressor.decompress(rest, READ_CHUNK_BYTES)
                rest = decompressor.unused_data if decompressor.eof else decompressor.unconsumed_tail
        # Read the remaining output in chunks too, because a decompression bomb may hold it back until the end.
        while not decompressor.eof and (
            chunk := decompressor.decompress(decompressor.unconsumed_tail, READ_CHUNK_BYTES)
        ):
            yield chunk
    except zlib.error:
        raise InvalidRequest("Content-Encoding is gzip, but the body is not valid gzip.", "content-encoding") from None
    if not decompressor.eof:
        raise InvalidRequest("The gzip body is truncated.", "content-encoding")


async def _raw_chunks(context: RequestContext, first: ReceiveMessage | None = None) -> AsyncIterator[bytes]:
    message = first or await context.receive()
    while True:
        if message["type"] != "http.request":
            raise ClientDisconnected
        context.body_ended = not message.get("more_body", False)
        if body := message.get("body", b""):
            yield body
        if context.body_ended:
            return
        message = await context.receive()


async def _limited(context: RequestContext, chunks: AsyncIterator[bytes], max_bytes: int) -> AsyncIterator[bytes]:
    size_bytes = 0
    declared = context.headers.get(b"content-length", b"")
    if declared.isdigit() and int(declared) > max_bytes:
        size_bytes = max_bytes + 1
    if size_bytes <= max_bytes:
        async for chunk in chunks:
            size_bytes += len(chunk)
            if size_bytes > max_bytes:
                break
            yield chunk
    if size_bytes > max_bytes:
        await _drain(context)
        raise PayloadTooLarge(f"The decompressed body may have at most {max_bytes} bytes.", {"limitBytes": max_bytes})


async def _drain(context: RequestContext) -> None:
    """Read up to MAX_DRAIN_BYTES more, so that a client that is still sending gets the response, not a reset."""
    left = MAX_DRAIN_BYTES
    while left > 0 and not context.body_ended:
        message = await context.receive()
        if message["type"] != "http.request":
            raise ClientDisconnected
        context.body_ended = not message["more_body"]
        left -= len(message["body"])
