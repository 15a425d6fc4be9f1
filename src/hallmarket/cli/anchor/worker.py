"""One fingerprinting process: takes lists of paths from a pipe, answers with fixed-size records on another.

Forked, never spawned, and before any thread exists: a fork costs a millisecond where a fresh interpreter costs twenty.
A worker never outlives its parent, however that ends: waiting, it sees its pipe close; reading, it looks who its
parent is after every buffer.
"""

import os
import signal
import struct
from collections.abc import Iterable
from typing import NamedTuple

from hallmarket.cli._shared.fingerprint import BUFFER_BYTES, Fingerprint, Unreadable, fingerprint

HEADER = struct.Struct("<I")
# code (0: a fingerprint follows), size, mtime_ns, inode, digest
RECORD = struct.Struct("<iQqQ64s")
_NOTHING = bytes(64)


class Worker(NamedTuple):
    """The parent's side of one worker: where to write tasks, where to read answers."""

    pid: int
    tasks: int
    answers: int


def start_worker(counters: memoryview, slot: int, not_yours: Iterable[int]) -> Worker:
    """Fork one worker that counts the bytes it has read in `counters[slot]`.

    `not_yours` are the parent's ends of earlier workers' pipes: a copy left open here would keep those workers waiting
    after the parent is gone.
    """
    parent = os.getpid()
    tasks_out, tasks_in = os.pipe()
    answers_out, answers_in = os.pipe()
    pid = os.fork()
    if pid:
        os.close(tasks_out)
        os.close(answers_in)
        return Worker(pid, tasks_in, answers_out)
    status = 1
    try:
        # Ctrl-C reaches the whole group; the parent alone decides what it means.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for descriptor in (*not_yours, tasks_in, answers_out):
            os.close(descriptor)
        _serve(tasks_out, answers_in, counters, slot, parent)
        status = 0
    except OSError:
        pass  # the parent went away in the middle of a word
    finally:
        # Nothing of the parent's is to be run down here: no buffers flushed twice, no exit handlers.
        os._exit(status)


def encode_task(paths: Iterable[str]) -> bytes:
    """Write paths as one task; NUL separates them, since no path can hold one."""
    body = b"\0".join(map(os.fsencode, paths))
    return HEADER.pack(len(body)) + body


def decode_answer(body: bytes) -> list[Fingerprint | Unreadable]:
    """Read the records of one answer, in the order of the task's paths."""
    return [
        Unreadable(code) if code else Fingerprint(digest, size, mtime_ns, inode)
        for code, size, mtime_ns, inode, digest in RECORD.iter_unpack(body)
    ]


def read_exactly(descriptor: int, count: int) -> bytes | None:
    """Read `count` bytes from a pipe, or None where it was closed before."""
    parts: list[bytes] = []
    while count:
        part = os.read(descriptor, count)
        if not part:
            return None
        parts.append(part)
        count -= len(part)
    return b"".join(parts)


def write_all(descriptor: int, data: bytes) -> None:
    """Write all of `data` to a pipe."""
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


def _serve(tasks: int, answers: int, counters: memoryview, slot: int, parent: int) -> None:
    buffer = memoryview(bytearray(BUFFER_BYTES))

    def count(size_bytes: int) -> None:
        counters[slot] += size_bytes
        if os.getppid() != parent:
            os._exit(1)

    while (header := read_exactly(tasks, HEADER.size)) is not None:
        body = read_exactly(tasks, HEADER.unpack(header)[0])
        if body is None:
            return
        records = b"".join(_record(fingerprint(path, buffer, count)) for path in body.split(b"\0"))
        write_all(answers, HEADER.pack(len(records)) + records)


def _record(result: Fingerprint | Unreadable) -> bytes:
    if isinstance(result, Unreadable):
        return RECORD.pack(result.code, 0, 0, 0, _NOTHING)
    return RECORD.pack(0, result.size_bytes, result.mtime_ns, result.inode, result.digest)
