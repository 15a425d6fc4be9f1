"""Sending many anchors as NDJSON, in requests small enough to be sent, answered and repeated easily."""

import gzip
from collections.abc import Iterable, Iterator

import msgspec

from hallmarket.client.errors import HallmarketError, ServerUnreachable
from hallmarket.client.transport import Transport, is_passing, read_error, retry_after_s
from hallmarket.client.types import AnchorRequest, BatchResult

# The server answers while it still reads. A request and its answer of this size fit the sockets' buffers, so neither
# side ever has to wait for the other to read first.
LINES = 2000
BODY_BYTES = 1024 * 1024
GZIP_FROM_BYTES = 16 * 1024


def send_batch(transport: Transport, requests: Iterable[AnchorRequest]) -> Iterator[BatchResult]:
    """Send requests in batches and yield their results in order; a broken answer is asked for again where it broke.

    Anchoring is safe to repeat: what the first try has done answers 409 with the item's own id in the second.
    """
    encode = msgspec.json.Encoder().encode
    first = 0
    for lines in _portions(encode(request) for request in requests):
        patience, done = transport.patience(), 0
        while done < len(lines):
            try:
                for result in _send(transport, lines[done:]):
                    yield msgspec.structs.replace(result, index=first + done)
                    done += 1
                    patience = transport.patience()
                if done < len(lines):
                    raise ServerUnreachable(transport.base_url, "its answer to a batch ended early")
            except ServerUnreachable as error:
                patience.wait(error)
            except _PassingError as passing:
                patience.wait(passing.error, passing.retry_after_s)
        first += len(lines)


class _PassingError(Exception):
    """An answer that asks to try again."""

    def __init__(self, error: HallmarketError, retry_after_s: float | None) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry_after_s = retry_after_s


def _portions(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    portion: list[bytes] = []
    size_bytes = 0
    for line in lines:
        portion.append(line)
        size_bytes += len(line)
        if len(portion) >= LINES or size_bytes >= BODY_BYTES:
            yield portion
            portion, size_bytes = [], 0
    if portion:
        yield portion


def _send(transport: Transport, lines: list[bytes]) -> Iterator[BatchResult]:
    body = b"\n".join(lines) + b"\n"
    headers = {"content-type": "application/x-ndjson"}
    if len(body) > GZIP_FROM_BYTES:
        body = gzip.compress(body, 1)
        headers["content-encoding"] = "gzip"
    with transport.stream("POST", "/v1/media/anchor/batch", content=body, headers=headers) as response:
        if response.status_code != 200:
            response.read()
            error = read_error(response)
            if is_passing(error):
                raise _PassingError(error, retry_after_s(response.headers))
            raise error
        rest = b""
        for data in response.iter_bytes():
            *whole, rest = (rest + data).split(b"\n")
            for line in whole:
                yield transport.decode(BatchResult, line)
        if rest.strip():
            yield transport.decode(BatchResult, rest)
