"""Main program of a query process: reads requests from standard input, runs them, and writes frames to standard output.

Every query gets a new DuckDB, which is closed with everything in it before the next request is read. The next DuckDB is
opened immediately, so the next query need not wait for it.
"""

import gc
import os
import resource
import sys
from pathlib import Path

import msgspec
from duckdb import DuckDBPyConnection

from hallmarket.server.query_engine.duckdb_connection import connect
from hallmarket.server.query_engine.execute import execute
from hallmarket.server.query_engine.memory_limit import limit_memory
from hallmarket.server.query_engine.pipe_protocol import (
    DATA,
    END,
    FRAME_HEADER,
    LENGTH_BYTES,
    MAX_PAYLOAD_BYTES,
    READY,
    QueryRequest,
    QueryResponse,
)
from hallmarket.server.query_engine.sandbox import enter_sandbox
from hallmarket.server.query_engine.types import MIB

MAX_REQUESTS = 1000  # a process ends after this many
STDIN, STDOUT, STDERR = 0, 1, 2
STATM = Path("/proc/self/statm")


def main() -> None:
    """Run queries until standard input ends. Arguments: the parent's process id, and a query's memory in MiB."""
    parent_pid, memory_mib = int(sys.argv[1]), int(sys.argv[2])
    enter_sandbox(parent_pid)
    output = _take_stdout()
    decoder = msgspec.json.Decoder(QueryRequest, dec_hook=lambda _type, path: Path(path))
    connection = connect(memory_mib)
    limit_memory(memory_mib * MIB)
    max_resident_bytes = _resident_bytes() + memory_mib * MIB // 2
    gc.freeze()
    _write_frame(output, READY, b"")
    for number in range(1, MAX_REQUESTS + 1):
        body = _read_request()
        if body is None:
            break
        response = _run(connection, decoder.decode(body), output)
        is_last = number == MAX_REQUESTS or _resident_bytes() > max_resident_bytes
        _write_frame(output, END, msgspec.json.encode(msgspec.structs.replace(response, is_last=is_last)))
        if is_last:
            break
        connection.close()
        connection = connect(memory_mib)
    os._exit(0)  # the libraries' exit handlers take longer than all of the above


def _take_stdout() -> int:
    """Return a descriptor for the frames, and point standard output to standard error.

    So what a library prints does not end up between the frames.
    """
    output = os.dup(STDOUT)
    os.dup2(STDERR, STDOUT)
    return output


def _run(connection: DuckDBPyConnection, request: QueryRequest, output: int) -> QueryResponse:
    def write(piece: bytes | memoryview) -> None:
        view = memoryview(piece).cast("B")
        for start in range(0, len(view), MAX_PAYLOAD_BYTES):
            _write_frame(output, DATA, view[start : start + MAX_PAYLOAD_BYTES])

    return execute(connection, request, write)


def _read_request() -> bytes | None:
    """Read a request's body; None if the server has closed the pipe."""
    head = _read_exactly(LENGTH_BYTES)
    return _read_exactly(int.from_bytes(head)) if head else None


def _read_exactly(size_bytes: int) -> bytes | None:
    pieces = []
    while size_bytes:
        piece = os.read(STDIN, min(size_bytes, MAX_PAYLOAD_BYTES))
        if not piece:
            return None
        pieces.append(piece)
        size_bytes -= len(piece)
    return b"".join(pieces)


def _write_frame(output: int, kind: bytes, payload: bytes | memoryview) -> None:
    """Write a frame and wait until the pipe has taken it, so that a slow reader slows the query."""
    for piece in (FRAME_HEADER.pack(kind, len(payload)), payload):
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(output, rest) :]


def _resident_bytes() -> int:
    """The memory that this process holds; 0 where the system does not report it."""
    if sys.platform != "linux":
        return 0
    return int(STATM.read_text().split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    main()
