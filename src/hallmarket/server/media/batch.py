"""Anchor a batch: NDJSON in, NDJSON out, in the same order, whatever is wrong with single lines."""

from collections.abc import AsyncIterator, Iterator
from itertools import islice, repeat
from typing import IO

import msgspec

from hallmarket.server.database.connections import Database
from hallmarket.server.errors import DomainError, InvalidRequest, PayloadTooLarge, Unavailable
from hallmarket.server.http.body import PIECE_BYTES
from hallmarket.server.http.reply import media_error, status_of
from hallmarket.server.media.anchor import accept
from hallmarket.server.media.outcome import Accepted, Outcome, Work
from hallmarket.server.media.read import read_anchor_json
from hallmarket.server.media.types import Anchor, owner_of
from hallmarket.server.principal import Principal

MAX_LINES = 100_000
MAX_BYTES = 64 * 1024 * 1024
MAX_LINE_BYTES = 1024 * 1024
TOGETHER = 1000  # lines committed together: enough to be fast, few enough not to hold up single requests
TOGETHER_BYTES = 4 * 1024 * 1024

_encoder = msgspec.json.Encoder()


def check_batch(spool: IO[bytes]) -> None:
    """Raises PayloadTooLarge for a batch of too many lines, before any line is accepted; then the spool is closed."""
    try:
        if _has_too_many_lines(spool):
            raise PayloadTooLarge(f"A batch has at most {MAX_LINES} lines.", {"limitLines": MAX_LINES})
        spool.seek(0)
    except BaseException:
        spool.close()
        raise


async def anchor_batch(database: Database, principal: Principal, spool: IO[bytes]) -> AsyncIterator[bytes]:
    """The answers to a batch, some lines at a time, each durable before it is told. Closes the spool.

    Raises Unavailable if nothing was accepted yet; later every line that was not accepted is told so.
    """
    owner = owner_of(principal)
    with spool:
        lines = _lines(spool)
        index = 0
        while chunk := _take(lines):
            answers = [_read(line) for line in chunk]
            works = [Work(owner, answer) for answer in answers if isinstance(answer, Anchor)]
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
