"""What a query process does: hear one job, answer it with an engine of its own, make the next ready, and again.

Every query has a DuckDB made for it alone, which is closed with everything in it before the next is heard. The next
one is made while nobody waits.
"""

import gc
import os
import sys
from pathlib import Path

import msgspec
from duckdb import DuckDBPyConnection

from hallmarket.server.query_engine.confine import bound_memory, confine, resident_bytes
from hallmarket.server.query_engine.execute import run
from hallmarket.server.query_engine.frames import DATA, END, PIECE_BYTES, READY, read_exactly, write_frame
from hallmarket.server.query_engine.lock import connect
from hallmarket.server.query_engine.types import MIB, Ending, Job, QueryError, QueryFailed

MAX_JOBS = 1000


def main() -> None:
    """Serve jobs from standard input until it ends. Arguments: the parent's process id and the memory in MiB."""
    parent, memory_mib = int(sys.argv[1]), int(sys.argv[2])
    confine(parent)
    # What a library prints goes nowhere near the frames.
    output = os.dup(1)
    os.dup2(2, 1)
    decoder = msgspec.json.Decoder(Job, dec_hook=lambda _type, path: Path(path))
    connection = connect(memory_mib)
    bound_memory(memory_mib * MIB)
    tired_bytes = resident_bytes() + memory_mib * MIB // 2
    gc.freeze()
    write_frame(output, READY, b"")
    for served in range(1, MAX_JOBS + 1):
        head = read_exactly(0, 4)
        body = read_exactly(0, int.from_bytes(head)) if head else None
        if body is None:
            break
        ending = _answer(connection, decoder.decode(body), output)
        tired = served == MAX_JOBS or resident_bytes() > tired_bytes
        write_frame(output, END, msgspec.json.encode(msgspec.structs.replace(ending, tired=tired)))
        if tired:
            break
        connection.close()
        connection = connect(memory_mib)
    os._exit(0)  # the libraries' own farewells take longer than all of this


def _answer(connection: DuckDBPyConnection, job: Job, output: int) -> Ending:
    def write(piece: bytes | memoryview) -> None:
        whole = memoryview(piece).cast("B")
        for start in range(0, len(whole), PIECE_BYTES):
            write_frame(output, DATA, whole[start : start + PIECE_BYTES])

    try:
        return run(connection, job, write)
    except FileNotFoundError:
        return Ending(QueryError("The files of this version are not here.", QueryFailed.code))


if __name__ == "__main__":
    main()
