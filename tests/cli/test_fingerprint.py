"""Fingerprints of files, in one process and in many."""

import hashlib
import os
import signal
from pathlib import Path

import pytest

from _support.waiting import wait_until
from hallmarket.cli._shared.fingerprint import (
    BUFFER_BYTES,
    CHANGED,
    NOT_A_FILE,
    WORKER_DIED,
    Fingerprint,
    Unreadable,
    fingerprint,
)
from hallmarket.cli.anchor.walk import walk
from hallmarket.cli.anchor.worker_pool import MAX_TASK_BYTES, WorkerPool

SIZES = [
    0,
    1,
    4096,
    BUFFER_BYTES - 1,
    BUFFER_BYTES,
    BUFFER_BYTES + 1,
    3 * BUFFER_BYTES,
    MAX_TASK_BYTES,
    MAX_TASK_BYTES + 5,
]


def read(path, on_bytes=None):
    """Return one file's fingerprint, read in this process."""
    return fingerprint(str(path), memoryview(bytearray(BUFFER_BYTES)), on_bytes)


@pytest.mark.parametrize("size", SIZES)
def test_a_fingerprint_is_the_sha3_512_of_the_bytes(tmp_path, size):
    """For any size the fingerprint is the SHA3-512 of the whole file."""
    data = os.urandom(size)
    (tmp_path / "file").write_bytes(data)
    found = read(tmp_path / "file")
    assert (found.digest, found.size_bytes) == (hashlib.sha3_512(data).digest(), size)


def test_a_file_that_grows_while_it_is_read_has_no_fingerprint(tmp_path):
    """Bytes added during the reading are noticed."""
    path = tmp_path / "file"
    path.write_bytes(bytes(3 * BUFFER_BYTES))
    grown = []

    def grow(_):
        if not grown:
            grown.append(True)
            with path.open("ab") as file:
                file.write(b"more")

    assert read(path, grow) == Unreadable(CHANGED)


def test_a_file_rewritten_while_it_is_read_has_no_fingerprint(tmp_path):
    """A change that keeps the size is noticed by the modification time."""
    path = tmp_path / "file"
    path.write_bytes(bytes(3 * BUFFER_BYTES))
    os.utime(path, ns=(1, 1))

    def rewrite(_):
        with path.open("r+b") as file:
            file.write(b"x")

    assert read(path, rewrite) == Unreadable(CHANGED)


def test_unreadable_files_have_a_reason(tmp_path):
    """A deleted file, a fifo and a folder each have their reason, and a fifo does not block the reader."""
    os.mkfifo(tmp_path / "fifo")
    assert read(tmp_path / "none").reason == "was deleted before it could be read"
    assert read(tmp_path / "fifo") == Unreadable(NOT_A_FILE)
    assert read(tmp_path) == Unreadable(NOT_A_FILE)


@pytest.mark.parametrize("jobs", [1, 3])
def test_the_pool_reads_every_file_once(tmp_path, jobs):
    """Small and large files are each read once, with any number of processes."""
    files = {f"small{number}": os.urandom(number) for number in range(500)}
    files |= {f"big{size}": os.urandom(size) for size in SIZES}
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    with WorkerPool(jobs) as pool:
        found = [reading for readings in pool.readings(walk([str(tmp_path)])) for reading in readings]
        assert pool.bytes_read == sum(map(len, files.values()))
    assert len(found) == len(files)
    assert {reading.file.name: reading.result.digest for reading in found} == {
        name: hashlib.sha3_512(data).digest() for name, data in files.items()
    }


def test_the_pool_walks_no_further_than_needed(tmp_path):
    """The pool stops reading an endless walk when its consumer stops."""
    (tmp_path / "file").write_bytes(b"x")
    (file,) = walk([str(tmp_path)])

    def endless():
        while True:
            yield file

    with WorkerPool(1) as pool:
        assert any(pool.readings(endless()))


def test_a_killed_worker_costs_only_its_own_files(tmp_path):
    """If a worker is killed, its files are reported as unreadable and the others are read."""
    for number in range(8):
        with (tmp_path / f"{number}").open("wb") as file:
            file.truncate(50_000_000)
    killed = []
    with WorkerPool(2) as pool:
        results = []
        for readings in pool.readings(walk([str(tmp_path)])):
            results += [reading.result for reading in readings]
            if not killed and pool.bytes_read:
                killed.append(next(iter(pool._workers.values())).pid)
                os.kill(killed[0], signal.SIGKILL)
    assert len(results) == 8
    lost = [result for result in results if not isinstance(result, Fingerprint)]
    assert lost == [Unreadable(WORKER_DIED)] * len(lost)
    assert 1 <= len(lost) <= 2


def test_workers_end_with_their_pool(tmp_path):
    """Leaving the pool in the middle of a huge file ends every worker."""
    with (tmp_path / "big").open("wb") as file:
        file.truncate(10**12)
    with WorkerPool(2) as pool:
        pids = [worker.pid for worker in pool._workers.values()]
        next(readings for readings in pool.readings(walk([str(tmp_path)])) if pool.bytes_read)
    for pid in pids:
        wait_until(lambda pid=pid: not Path(f"/proc/{pid}").exists())
