"""Anchor a batch of files: NDJSON in and out, in the same order. A bad line does not affect the others."""

from collections.abc import AsyncIterator, Iterator
from itertools import islice, repeat
from typing import IO

import msgspec

from hallmarket.server.database.connections import Database
from hallmarket.server.errors import DomainError, InvalidRequest, PayloadTooLarge, Unavailable
from hallmarket.server.http.body import READ_CHUNK_BYTES
from hallmarket.server.http.media_dialect import media_error
from hallmarket.server.http.status_codes import status_code
from hallmarket.server.media.anchor import accept, owner_of
from hallmarket.server.media.anchor_request import read_anchor_json
from hallmarket.server.media.types import AcceptedItem, AnchorOutcome, AnchorRequest, Submission
from hallmarket.server.principal import Principal

MAX_LINES = 100_000
MAX_BATCH_BYTES = 64 * 1024 * 1024
MAX_LINE_BYTES = 1024 * 1024
CHUNK_LINES = 1000  # lines committed together: enough to be fast, few enough not to delay single requests
CHUNK_BYTES = 4 * 1024 * 1024

_encoder = msgspec.json.Encoder()


def verify_line_count(spool: IO[bytes]) -> None:
    """Raises PayloadTooLarge, and closes the spool, if the batch has too many lines. No line is accepted before."""
    try:
        if _has_too_many_lines(spool):
            raise PayloadTooLarge(
                f"A batch can have at most {MAX_LINES} lines. Send several batches.", {"limitLines": MAX_LINES}
            )
        spool.seek(0)
    except BaseException:
        spool.close()
        raise


async def anchor_batch(database: Database, principal: Principal, spool: IO[bytes]) -> AsyncIterator[bytes]:
    """Anchor the lines of a batch, and yield their result lines in chunks, each after its commit. Closes the spool.

    Raises Unavailable if nothing was accepted yet. Later, each line that was not accepted has that error as its result.
    """
    owner = owner_of(principal)
    with spool:
        lines = _read_lines(spool)
        index = 0
        while chunk := _take_chunk(lines):
            requests = [_read_request(line) for line in chunk]
            submissions = [Submission(owner, request) for request in requests if isinstance(request, AnchorRequest)]
            try:
                async with database.connection() as connection:
                    outcomes = iter(await accept(connection, submissions) if submissions else ())
            except Unavailable as unavailable:
                if index == 0:
                    raise
                outcomes = repeat(unavailable)
            results = [next(outcomes) if isinstance(request, AnchorRequest) else request for request in requests]
            yield b"".join(_write_result(number, result) for number, result in enumerate(results, start=index))
            index += len(chunk)


def _has_too_many_lines(spool: IO[bytes]) -> bool:
    # Blank lines do not count. Recognizing them is slow, so it is done only if there are too many lines in total.
    if sum(piece.count(b"\n") for piece in iter(lambda: spool.read(READ_CHUNK_BYTES), b"")) < MAX_LINES:
        return False
    spool.seek(0)
    return sum(1 for _ in islice(_read_lines(spool), MAX_LINES + 1)) > MAX_LINES


def _read_lines(spool: IO[bytes]) -> Iterator[bytes | None]:
    """Yield the lines of a batch except blank ones; None stands for a line that is too long."""
    while line := spool.readline(MAX_LINE_BYTES):
        if len(line) == MAX_LINE_BYTES and not line.endswith(b"\n"):
            while (rest := spool.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
                pass
            yield None
        elif line := line.strip():
            yield line


def _take_chunk(lines: Iterator[bytes | None]) -> list[bytes | None]:
    chunk: list[bytes | None] = []
    size_bytes = 0
    for line in lines:
        chunk.append(line)
        size_bytes += len(line or b"")
        if len(chunk) == CHUNK_LINES or size_bytes > CHUNK_BYTES:
            break
    return chunk


def _read_request(line: bytes | None) -> AnchorRequest | DomainError:
    if line is None:
        return InvalidRequest(f"The line is too long. It must have less than {MAX_LINE_BYTES} bytes.", "body")
    try:
        return read_anchor_json(line)
    except DomainError as error:
        return error


def _write_result(index: int, outcome: AnchorOutcome) -> bytes:
    if isinstance(outcome, AcceptedItem):
        status = 201 if outcome.is_new else 200
        return b'{"index":%d,"status":%d,"id":"%s"}\n' % (index, status, str(outcome.id).encode())
    assert isinstance(outcome, DomainError)  # without idempotency keys nothing is replayed
    return _encoder.encode({"index": index, "status": status_code(outcome), **media_error(outcome)}) + b"\n"
