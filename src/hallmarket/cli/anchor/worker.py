"""One fingerprinting process: reads lists of paths from a pipe and writes fixed-size records to another.

Workers are forked, not spawned, because a fork takes 1 ms and a new interpreter 20 ms; they are forked before any
thread exists. A worker does not outlive its parent: while idle it notices that its pipe is closed, and while reading it
checks its parent's process id after every buffer.
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
_NO_DIGEST = bytes(64)


class Worker(NamedTuple):
    """The parent's side of one worker: its process id, the pipe for tasks and the pipe for results."""

    pid: int
    tasks: int
    results: int


def start_worker(counters: memoryview, slot: int, parent_descriptors: Iterable[int]) -> Worker:
    """Fork one worker, which counts the bytes it has read in `counters[slot]`.

    `parent_descriptors` are the parent's ends of earlier workers' pipes. The child closes its copies: an open copy
    would keep those workers waiting after the parent has ended.
    """
    parent = os.getpid()
    tasks_out, tasks_in = os.pipe()
    results_out, results_in = os.pipe()
    pid = os.fork()
    if pid:
        os.close(tasks_out)
        os.close(results_in)
        return Worker(pid, tasks_in, results_out)
    status = 1
    try:
        # Ctrl-C reaches the whole process group; only the parent decides what it means.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        for descriptor in (*parent_descriptors, tasks_in, results_out):
            os.close(descriptor)
        _serve(tasks_out, results_in, counters, slot, parent)
        status = 0
    except OSError:
        pass  # the parent ended while this worker was reading or writing
    finally:
        # Skip the parent's exit handlers and its buffered output.
        os._exit(status)


def encode_task(paths: Iterable[str]) -> bytes:
    """Encode paths as one task, separated by NUL, which no path contains."""
    body = b"\0".join(map(os.fsencode, paths))
    return HEADER.pack(len(body)) + body


def decode_results(body: bytes) -> list[Fingerprint | Unreadable]:
    """Decode the results of one task, in the order of its paths."""
    return [
        Unreadable(code) if code else Fingerprint(digest, size, mtime_ns, inode)
        for code, size, mtime_ns, inode, digest in RECORD.iter_unpack(body)
    ]


def read_exactly(descriptor: int, count: int) -> bytes | None:
    """Read `count` bytes from a pipe, or return None if it is closed before."""
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


def _serve(tasks: int, results: int, counters: memoryview, slot: int, parent: int) -> None:
    buffer = memoryview(bytearray(BUFFER_BYTES))

    def count(size_bytes: int) -> None:
        counters[slot] += size_bytes
        if os.getppid() != parent:
            os._exit(1)

    while (header := read_exactly(tasks, HEADER.size)) is not None:
        body = read_exactly(tasks, HEADER.unpack(header)[0])
        if body is None:
            return
        records = b"".join(_encode_result(fingerprint(path, buffer, count)) for path in body.split(b"\0"))
        write_all(results, HEADER.pack(len(records)) + records)


def _encode_result(result: Fingerprint | Unreadable) -> bytes:
    if isinstance(result, Unreadable):
        return RECORD.pack(result.code, 0, 0, 0, _NO_DIGEST)
    return RECORD.pack(0, result.size_bytes, result.mtime_ns, result.inode, result.digest)
