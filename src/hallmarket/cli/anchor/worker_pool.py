"""All cores at work: files go in, fingerprints come out, big files first and small ones by the hundred.

Single-threaded on purpose: one loop walks ahead a little, keeps every worker supplied and collects what is done.
"""

import heapq
import mmap
import os
import select
import signal
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import NamedTuple

from hallmarket.cli._shared.fingerprint import WORKER_DIED, Fingerprint, Unreadable
from hallmarket.cli.anchor.walk import FoundFile
from hallmarket.cli.anchor.worker import (
    HEADER,
    Worker,
    decode_answer,
    encode_task,
    read_exactly,
    start_worker,
    write_all,
)

# A task is this much or less; larger files travel alone. 8 MiB are some 30 ms of work, against 50 us for the task.
TASK_FILES = 100
TASK_BYTES = 8 * 1024 * 1024
# Two tasks fit a pipe's 64 KiB, so handing one over never blocks.
TASK_PATH_BYTES = 24 * 1024
# A worker with less than this before it gets its next task already.
SUPPLY_BYTES = 4 * 1024 * 1024
# How far the walk runs ahead of the reading: enough to see the big files coming, and a bound to memory.
LOOKAHEAD_FILES = 16_384
HEARTBEAT_MS = 100


class Reading(NamedTuple):
    """A file and what became of reading it."""

    file: FoundFile
    result: Fingerprint | Unreadable


class _Task(NamedTuple):
    files: tuple[FoundFile, ...]
    size_bytes: int


class Pool:
    """Worker processes that fingerprint files; use as a context manager, and start no thread before it."""

    def __init__(self, jobs: int | None = None) -> None:
        self.jobs = jobs or _cores()
        self._counters = memoryview(mmap.mmap(-1, 8 * self.jobs)).cast("Q")
        self._workers: dict[int, Worker] = {}
        self._given: dict[int, deque[_Task]] = {}
        self._poll = select.poll()

    def __enter__(self) -> "Pool":
        for slot in range(self.jobs):
            worker = start_worker(self._counters, slot, self.descriptors)
            self._workers[worker.answers] = worker
            self._given[worker.answers] = deque()
            self._poll.register(worker.answers, select.POLLIN)
        return self

    def __exit__(self, *_: object) -> None:
        """End every worker, whatever it is doing, and wait until it is gone."""
        for key in list(self._workers):
            self._end(key)

    @property
    def descriptors(self) -> list[int]:
        """The parent's ends of every pipe: what another child must close, for the workers to notice our end."""
        return [end for worker in self._workers.values() for end in (worker.tasks, worker.answers)]

    @property
    def bytes_read(self) -> int:
        """Bytes read by all workers so far, files in progress included."""
        return sum(self._counters)

    def readings(self, files: Iterator[FoundFile]) -> Iterator[list[Reading]]:
        """Yield what was read as it comes, in no particular order; an empty list is a heartbeat, ten a second.

        `files` is drawn on only as far ahead as is useful, so it may be endless and its consumer may simply stop.
        """
        queue = _Queue(files)
        while True:
            queue.look_ahead()
            self._supply(queue)
            busy = any(self._given.values())
            if not busy and queue.done:
                return
            yield self._collect(0 if queue.hungry else HEARTBEAT_MS) if busy else self._unread(queue)

    def _supply(self, queue: "_Queue") -> None:
        """Give every worker that will soon have nothing to do its next task, the emptiest first."""
        for key in sorted(self._given, key=lambda key: len(self._given[key])):
            given = self._given[key]
            if sum(task.size_bytes for task in given) >= SUPPLY_BYTES or len(given) > 1:
                continue
            task = queue.next(partial=not given)
            if task is None:
                return
            given.append(task)
            # A dead worker's answers end too, and _collect accounts for what it was given.
            with suppress(BrokenPipeError):
                write_all(self._workers[key].tasks, encode_task(file.path for file in task.files))

    def _collect(self, timeout_ms: int) -> list[Reading]:
        readings: list[Reading] = []
        for key, _ in self._poll.poll(timeout_ms):
            header = read_exactly(key, HEADER.size)
            body = read_exactly(key, HEADER.unpack(header)[0]) if header else None
            if body is None:
                lost = self._given.pop(key)
                self._end(key)
                readings += [Reading(file, Unreadable(WORKER_DIED)) for task in lost for file in task.files]
                continue
            task = self._given[key].popleft()
            readings += map(Reading, task.files, decode_answer(body))
        return readings

    def _unread(self, queue: "_Queue") -> list[Reading]:
        """Answer for the files that no worker is left to read."""
        if self._given:
            return []
        task = queue.next(partial=True)
        return [Reading(file, Unreadable(WORKER_DIED)) for file in task.files] if task else []

    def _end(self, key: int) -> None:
        worker = self._workers.pop(key)
        self._poll.unregister(key)
        os.close(worker.tasks)
        os.close(worker.answers)
        os.kill(worker.pid, signal.SIGKILL)
        os.waitpid(worker.pid, 0)


def _cores() -> int:
    """The cores this process may use; not every system can tell them from those there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Queue:
    """Files seen by the walk and not yet given to a worker."""

    def __init__(self, files: Iterator[FoundFile]) -> None:
        self._files = files
        self._big: list[tuple[int, int, FoundFile]] = []
        self._small: deque[_Task] = deque()
        self._open: list[FoundFile] = []
        self._open_bytes = self._open_path_bytes = self._seen = self._waiting = 0
        self._ended = False

    @property
    def done(self) -> bool:
        return self._ended and not self._waiting

    @property
    def hungry(self) -> bool:
        """True while there is something to walk and room for it, so that nobody should sit and wait."""
        return not self._ended and self._waiting < LOOKAHEAD_FILES

    def look_ahead(self) -> None:
        """Walk on a little: not so long that a finished worker would wait."""
        if not self.hungry:
            return
        for _ in range(256):
            file = next(self._files, None)
            if file is None:
                self._ended = True
                return
            self._put(file)

    def next(self, partial: bool) -> _Task | None:
        """Take the next task: the biggest file known, else small ones together, `partial` ones only where asked."""
        if self._big:
            task = _Task((heapq.heappop(self._big)[2],), 0)
            task = task._replace(size_bytes=task.files[0].size_bytes)
        elif self._small:
            task = self._small.popleft()
        elif self._open and (partial or self._ended):
            self._close()
            task = self._small.popleft()
        else:
            return None
        self._waiting -= len(task.files)
        return task

    def _put(self, file: FoundFile) -> None:
        self._seen += 1
        self._waiting += 1
        if file.size_bytes >= TASK_BYTES:
            heapq.heappush(self._big, (-file.size_bytes, self._seen, file))
            return
        self._open.append(file)
        self._open_bytes += file.size_bytes
        self._open_path_bytes += 4 * len(file.path)
        if len(self._open) >= TASK_FILES or self._open_bytes >= TASK_BYTES or self._open_path_bytes >= TASK_PATH_BYTES:
            self._close()

    def _close(self) -> None:
        self._small.append(_Task(tuple(self._open), self._open_bytes))
        self._open, self._open_bytes, self._open_path_bytes = [], 0, 0
