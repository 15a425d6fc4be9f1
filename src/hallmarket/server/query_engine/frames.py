"""What passes through a process's pipes: a byte that says what follows, its length, and the bytes themselves."""

import asyncio
import os
import struct

READY, DATA, END = b"r", b"d", b"e"
HEAD = struct.Struct(">cI")
PIECE_BYTES = 256 * 1024


def write_frame(descriptor: int, kind: bytes, payload: "bytes | memoryview") -> None:
    """Write a frame and wait until the pipe has taken it: a slow reader slows its writer."""
    for piece in (HEAD.pack(kind, len(payload)), payload):
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(descriptor, rest) :]


def read_exactly(descriptor: int, size: int) -> bytes | None:
    """The next bytes of a pipe; None if it ended before."""
    pieces = []
    while size:
        piece = os.read(descriptor, min(size, PIECE_BYTES))
        if not piece:
            return None
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


async def read_frame(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The next frame's kind and payload. Raises EOFError if the process is gone."""
    kind, size = HEAD.unpack(await reader.readexactly(HEAD.size))
    return kind, await reader.readexactly(size)
