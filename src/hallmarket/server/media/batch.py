"""Anchor a batch: NDJSON in, NDJSON out, in the same order, whatever is wrong with single lines."""

from collections.abc import AsyncIterator, Iterator
from itertools import islice, repeat
from pathlib import Path
from typing import IO

import msgspec

from hallmarket.server.database.connections import Database
from hallmarket.server.errors import DomainError, InvalidRequest, PayloadTooLarge, Unavailable
from hallmarket.server.http.body import PIECE_BYTES, spool_body
from hallmarket.server.http.reply import media_error, status_of
from hallmarket.server.http.request_context import RequestContext
from hallmarket.server.media.anchor import accept
from hallmarket.server.media.outcome import Accepted, Outcome, Work
from hallmarket.server.media.read import read_anchor_json
from hallmarket.server.media.types import Anchor, Requester

MAX_LINES = 100_000
MAX_BYTES = 64 * 1024 * 1024
MAX_LINE_BYTES = 1024 * 1024
TOGETHER = 1000  # lines committed together: enough to be fast, few enough not to hold up single requests
TOGETHER_BYTES = 4 * 1024 * 1024

_encoder = msgspec.json.Encoder()


async def receive_batch(context: RequestContext, folder: Path) -> IO[bytes]:
    """The whole batch, on disk, once it is known to be within bounds: nothing is accepted of one that is not.

    Raises PayloadTooLarge, InvalidRequest for another content type.
    """
    content_type = context.headers.get(b"content-type", b"").split(b";")[0].strip().lower()
    if content_type not in (b"application/x-ndjson", b"application/ndjson", b"application/jsonl"):
        raise InvalidRequest("Content-Type must be application/x-ndjson.", "content-type")
    spool = await spool_body(context, MAX_BYTES, folder)
    try:
        if _has_too_many_lines(spool):
            raise PayloadTooLarge(f"A batch has at most {MAX_LINES} lines.", {"limitLines": MAX_LINES})
        spool.seek(0)
    except BaseException:
        spool.close()
        raise
    return spool


async def anchor_batch(database: Database, asker: Requester, spool: IO[bytes]) -> AsyncIterator[bytes]:
    """The answers to a batch, some lines at a time, each durable before it is told. Closes the spool.

    Raises Unavailable if nothing was accepted yet; later every line that was not accepted is told so.
    """
    with spool:
        lines = _lines(spool)
        index = 0
        while chunk := _take(lines):
            answers = [_read(line) for line in chunk]
            works = [Work(asker, answer) for answer in answers if isinstance(answer, Anchor)]
            try:
                async with database.connection() as connection:
                    outcomes = iter(await accept(connection, works) if works else ())
            except Unavailable as away:
                if index == 0:
                    raise
                outcomes = repeat(away)
            told = [next(outcomes) if isinstance(answer, Anchor) else answer for answer in answers]
            yield b"".join(_answer(number, outcome) for number, outcome in enumerate(told, start=index))
            index += len(chunk)


def _has_too_many_lines(spool: IO[bytes]) -> bool:
    # Blank lines do not count, but telling them apart is worth it only where there are too many of both.
    if sum(piece.count(b"\n") for piece in iter(lambda: spool.read(PIECE_BYTES), b"")) < MAX_LINES:
        return False
    spool.seek(0)
    return sum(1 for _ in islice(_lines(spool), MAX_LINES + 1)) > MAX_LINES


def _lines(spool: IO[bytes]) -> Iterator[bytes | None]:
    """The batch's lines without the blank ones; None for one that is too long."""
    while line := spool.readline(MAX_LINE_BYTES):
        if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
            while (rest := spool.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield None
        elif line := line.strip():
            yield line


def _take(lines: Iterator[bytes | None]) -> list[bytes | None]:
    chunk: list[bytes | None] = []
    size = 0
    for line in lines:
        chunk.append(line)
        size += len(line or b"")
        if len(chunk) == TOGETHER or size > TOGETHER_BYTES:
            break
    return chunk


def _read(line: bytes | None) -> Anchor | DomainError:
    if line is None:
        return InvalidRequest(f"A line has less than {MAX_LINE_BYTES} bytes.", "body")
    try:
        return read_anchor_json(line)
    except DomainError as error:
        return error


def _answer(index: int, outcome: Outcome) -> bytes:
    if isinstance(outcome, Accepted):
        return b'{"index":%d,"status":%d,"id":"%s"}\n' % (
            index,
            200 if outcome.again else 201,
            str(outcome.id).encode(),
        )
    assert isinstance(outcome, DomainError)
    return _encoder.encode({"index": index, "status": status_of(outcome), **media_error(outcome)}) + b"\n"
