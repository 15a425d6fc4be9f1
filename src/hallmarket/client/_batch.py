"""Batch anchoring: requests sent as NDJSON, in parts small enough to send and repeat cheaply."""

import gzip
from collections.abc import Iterable, Iterator

import msgspec

from hallmarket.client._errors import HallmarketError, ServerUnreachable
from hallmarket.client._media_types import AnchorRequest, BatchResult
from hallmarket.client._transport import Transport, is_transient, read_error, retry_after_s

# The server answers while it still reads. A part of this size and its response fit into the sockets' buffers, so
# neither side has to wait for the other to read first.
MAX_PART_LINES = 2000
MAX_PART_BYTES = 1024 * 1024
GZIP_FROM_BYTES = 16 * 1024


def send_batch(transport: Transport, requests: Iterable[AnchorRequest]) -> Iterator[BatchResult]:
    """Send requests in parts and yield their results in order; an interrupted response is resumed where it ended.

    Anchoring is safe to repeat: an item that an earlier attempt created answers 409 with the item's own id.
    """
    encode = msgspec.json.Encoder().encode
    first_index = 0
    for lines in _parts(encode(request) for request in requests):
        budget, done = transport.retry_budget(), 0
        while done < len(lines):
            try:
                for result in _send(transport, lines[done:]):
                    yield msgspec.structs.replace(result, index=first_index + done)
                    done += 1
                    budget = transport.retry_budget()
                if done < len(lines):
                    raise ServerUnreachable(transport.base_url, "its response to a batch ended early")
            except ServerUnreachable as error:
                budget.wait(error)
            except _TransientError as transient:
                budget.wait(transient.error, transient.retry_after_s)
        first_index += len(lines)


class _TransientError(Exception):
    """A response after which the same request may succeed."""

    def __init__(self, error: HallmarketError, retry_after_s: float | None) -> None:
        super().__init__(str(error))
        self.error = error
        self.retry_after_s = retry_after_s


def _parts(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    part: list[bytes] = []
    size_bytes = 0
    for line in lines:
        part.append(line)
        size_bytes += len(line)
        if len(part) >= MAX_PART_LINES or size_bytes >= MAX_PART_BYTES:
            yield part
            part, size_bytes = [], 0
    if part:
        yield part


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
            if is_transient(error):
                raise _TransientError(error, retry_after_s(response.headers))
            raise error
        rest = b""
        for data in response.iter_bytes():
            *complete, rest = (rest + data).split(b"\n")
            for line in complete:
                yield transport.decode(BatchResult, line)
        if rest.strip():
            yield transport.decode(BatchResult, rest)
