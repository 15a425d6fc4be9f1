"""Read a JSON body that contains a file in base64: parse it from disk, and decode it in chunks in threads."""

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

MAX_BODY_BYTES = 32 * 1024 * 1024  # holds a file of 24 MiB; larger files need an upload URL
CHUNK_CHARACTERS = 1024 * 1024  # of base64, decoded in one call: a multiple of four
QUOTE, ESCAPE = b'"', b"\\"


class _RawBody(msgspec.Struct):
    """The body's fields. The file's base64 stays where it is."""

    file_name: FileName
    file_base64: msgspec.Raw
    visibility: Visibility | None = None
    content_type: MediaType | None = None
    file: FileFields | UnsetType | None = UNSET


class Base64Body(msgspec.Struct):
    """A body's fields. `chunks` are the file's bytes and can be read once."""

    file_name: str
    visibility: str | None
    file: FileFields | None
    chunks: AsyncIterator[bytes]


_decoder = msgspec.json.Decoder(_RawBody)


@asynccontextmanager
async def read_base64_body(spool: IO[bytes]) -> AsyncIterator[Base64Body]:
    """Read the JSON body in `spool`, a file on disk, and close it at the end. Raises InvalidRequest."""
    with spool:
        body = await asyncio.to_thread(_decode, spool.fileno())
        yield Base64Body(
            body.file_name,
            body.visibility,
            None if body.file is UNSET else body.file,
            _decode_chunks(body.file_base64),
        )


def _decode(descriptor: int) -> _RawBody:
    try:
        # The file is mapped, not read, so that the body does not take up memory.
        return _decoder.decode(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError) as error:
        raise InvalidRequest(
            f"The body must be a JSON object with file_name and file_base64: {error}", "body"
        ) from None


async def _decode_chunks(raw: msgspec.Raw) -> AsyncIterator[bytes]:
    text = await asyncio.to_thread(_unquote, raw)
    for start in range(0, len(text), CHUNK_CHARACTERS):
        yield await asyncio.to_thread(_decode_chunk, text, start)


def _unquote(raw: msgspec.Raw) -> memoryview:
    """Return the text between the quotes, without a copy unless it contains escapes."""
    text = memoryview(raw)
    if len(text) < 2 or text[:1] != QUOTE:
        raise _not_base64()
    if _contains(text, ESCAPE):
        text = memoryview(QUOTE + msgspec.json.decode(raw, type=str).encode() + QUOTE)
    return text[1:-1]


def _contains(text: memoryview, character: bytes) -> bool:
    """Whether a text contains a character, checked in chunks to save memory."""
    return any(
        character in bytes(text[start : start + CHUNK_CHARACTERS]) for start in range(0, len(text), CHUNK_CHARACTERS)
    )


def _decode_chunk(text: memoryview, start: int) -> bytes:
    encoded = text[start : start + CHUNK_CHARACTERS]
    try:
        chunk = binascii.a2b_base64(encoded, strict_mode=True)
    except binascii.Error:
        raise _not_base64() from None
    if start + CHUNK_CHARACTERS < len(text) and len(chunk) * 4 != len(encoded) * 3:
        raise _not_base64()  # padding is allowed at the end only
    return chunk


def _not_base64() -> InvalidRequest:
    return InvalidRequest("file_base64 must be the file's bytes as base64 (RFC 4648, section 4).", "file_base64")
