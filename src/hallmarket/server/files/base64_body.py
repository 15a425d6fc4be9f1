"""A file inside a JSON body, as base64: on disk while it is read, decoded a piece at a time beside the event loop."""

import asyncio
import binascii
import mmap
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import IO

import msgspec
from msgspec import UNSET, UnsetType

from hallmarket.server.catalog.types import Visibility
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.files.types import FileFields, FileName, MediaType

MAX_BODY_BYTES = 32 * 1024 * 1024  # 24 MiB of file; what is larger goes to an address of its own
TEXT_BYTES = 1024 * 1024  # of base64, decoded at once: a multiple of four
QUOTE, ESCAPE = b'"', b"\\"


class _Body(msgspec.Struct):
    """The body's fields; the file's is left where it is."""

    file_name: FileName
    file_base64: msgspec.Raw
    visibility: Visibility | None = None
    content_type: MediaType | None = None
    file: FileFields | UnsetType | None = UNSET


class Inline(msgspec.Struct):
    """What a body says, with the file's bytes, to be read once."""

    file_name: str
    visibility: str | None
    file: FileFields | None
    pieces: AsyncIterator[bytes]


_decoder = msgspec.json.Decoder(_Body)


@asynccontextmanager
async def read_inline(spool: IO[bytes]) -> AsyncIterator[Inline]:
    """Read the JSON body in `spool`, a file on disk, and close it. Raises InvalidRequest."""
    with spool:
        body = await asyncio.to_thread(_decode, spool.fileno())
        yield Inline(
            body.file_name,
            body.visibility,
            None if body.file is UNSET else body.file,
            _pieces(body.file_base64),
        )


def _decode(descriptor: int) -> _Body:
    try:
        # Mapped, not read: a body takes no memory of its own.
        return _decoder.decode(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise InvalidRequest(
            f"The body must be a JSON object with file_name and file_base64: {error}", "body"
        ) from None


async def _pieces(raw: msgspec.Raw) -> AsyncIterator[bytes]:
    text = await asyncio.to_thread(_unquote, raw)
    for start in range(0, len(text), TEXT_BYTES):
        yield await asyncio.to_thread(_piece, text, start)


def _unquote(raw: msgspec.Raw) -> memoryview:
    """The text between the quotes, without a copy unless something in it is escaped."""
    text = memoryview(raw)
    if len(text) < 2 or text[:1] != QUOTE:
        raise _not_base64()
    if _holds(text, ESCAPE):
        text = memoryview(QUOTE + msgspec.json.decode(raw, type=str).encode() + QUOTE)
    return text[1:-1]


def _holds(text: memoryview, wanted: bytes) -> bool:
    """Whether something stands in a text, looked for a piece at a time."""
    return any(wanted in bytes(text[at : at + TEXT_BYTES]) for at in range(0, len(text), TEXT_BYTES))


def _piece(text: memoryview, start: int) -> bytes:
    part = text[start : start + TEXT_BYTES]
    try:
        piece = binascii.a2b_base64(part, strict_mode=True)
    except binascii.Error:
        raise _not_base64() from None
    if start + TEXT_BYTES < len(text) and len(piece) * 4 != len(part) * 3:
        raise _not_base64()  # padding is for the end
    return piece


def _not_base64() -> InvalidRequest:
    return InvalidRequest("file_base64 must be the file's bytes as base64 (RFC 4648, 4).", "file_base64")
