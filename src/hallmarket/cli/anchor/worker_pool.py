"""Worker processes that fingerprint files on all cores, large files first, small files in groups.

The pool is single-threaded: one loop walks a little ahead, gives every worker its next task and collects results.
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
    decode_results,
    encode_task,
    read_exactly,
    start_worker,
    write_all,
)

# The maximum size of a task; a larger file is a task by itself. 8 MiB take about 30 ms to read, the task itself 50 us.
MAX_TASK_FILES = 100
MAX_TASK_BYTES = 8 * 1024 * 1024
# Two tasks fit into a pipe's 64 KiB, so writing one never blocks.
MAX_TASK_PATH_BYTES = 24 * 1024
# A worker with less than this left to read gets its next task.
MIN_SUPPLY_BYTES = 4 * 1024 * 1024
# How far the walk runs ahead of the reading: enough to find large files early, and a limit for memory.
MAX_LOOKAHEAD_FILES = 16_384
WALK_STEP_FILES = 256
HEARTBEAT_MS = 100


class Reading(NamedTuple):
    """A file and its fingerprint, or why it has none."""

    file: FoundFile
    result: Fingerprint | Unreadable


class _Task(NamedTuple):
    files: tuple[FoundFile, ...]
    size_bytes: int


class WorkerPool:
    """Context manager of worker processes; enter it before starting any thread."""

    def __init__(self, jobs: int | None = None) -> None:
        self.jobs = jobs or _available_cores()
        self._counters = memoryview(mmap.mmap(-1, 8 * self.jobs)).cast("Q")
        self._workers: dict[int, Worker] = {}
        self._assigned: dict[int, deque[_Task]] = {}
        self._poll = select.poll()

    def __enter__(self) -> "WorkerPool":
        for slot in range(self.jobs):
            worker = start_worker(self._counters, slot, self.descriptors)
            self._workers[worker.results] = worker
            self._assigned[worker.results] = deque()
            self._poll.register(worker.results, select.POLLIN)
        return self

    def __exit__(self, *_: object) -> None:
        """Kill every worker and wait until it has ended."""
        for key in list(self._workers):
            self._end(key)

    @property
    def descriptors(self) -> list[int]:
        """The parent's ends of every pipe, which another child process must close."""
        return [end for worker in self._workers.values() for end in (worker.tasks, worker.results)]

    @property
    def bytes_read(self) -> int:
        """The bytes read by all workers so far, including files in progress."""
        return sum(self._counters)

    def readings(self, files: Iterator[FoundFile]) -> Iterator[list[Reading]]:
        """Yield results as they arrive, in no particular order; an empty list is a heartbeat, ten per second.

        `files` is read only as far ahead as is useful, so it may be endless, and the consumer may stop at any time.
        """
        queue = _Queue(files)
        while True:
            queue.look_ahead()
            self._supply(queue)
            busy = any(self._assigned.values())
            if not busy and queue.done:
                return
            yield self._collect(0 if queue.can_look_ahead else HEARTBEAT_MS) if busy else self._without_workers(queue)

    def _supply(self, queue: "_Queue") -> None:
        """Give every worker that is about to run out of work its next task, the emptiest worker first."""
        for key in sorted(self._assigned, key=lambda key: len(self._assigned[key])):
            assigned = self._assigned[key]
            if sum(task.size_bytes for task in assigned) >= MIN_SUPPLY_BYTES or len(assigned) > 1:
                continue
            task = queue.next(partial=not assigned)
            if task is None:
                return
            assigned.append(task)
            # The results of a dead worker end too, and _collect then reports its tasks.
            with suppress(BrokenPipeError):
                write_all(self._workers[key].tasks, encode_task(file.path for file in task.files))

    def _collect(self, timeout_ms: int) -> list[Reading]:
        readings: list[Reading] = []
        for key, _ in self._poll.poll(timeout_ms):
            header = read_exactly(key, HEADER.size)
            body = read_exactly(key, HEADER.unpack(header)[0]) if header else None
            if body is None:
                lost = self._assigned.pop(key)
                self._end(key)
                readings += [Reading(file, Unreadable(WORKER_DIED)) for task in lost for file in task.files]
                continue
            task = self._assigned[key].popleft()
            readings += map(Reading, task.files, decode_results(body))
        return readings

    def _without_workers(self, queue: "_Queue") -> list[Reading]:
        """Report the next files as unreadable if every worker has died."""
        if self._assigned:
            return []
        task = queue.next(partial=True)
        return [Reading(file, Unreadable(WORKER_DIED)) for file in task.files] if task else []

    def _end(self, key: int) -> None:
        worker = self._workers.pop(key)
        self._poll.unregister(key)
        os.close(worker.tasks)
        os.close(worker.results)
        os.kill(worker.pid, signal.SIGKILL)
        os.waitpid(worker.pid, 0)


def _available_cores() -> int:
    """Return the number of cores this process may use; some systems report only how many there are."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class _Queue:
    """Files that the walk has found and no worker has received yet."""

    def __init__(self, files: Iterator[FoundFile]) -> None:
        self._files = files
        self._large: list[tuple[int, int, FoundFile]] = []
        self._small: deque[_Task] = deque()
        self._open: list[FoundFile] = []
        self._open_bytes = self._open_path_bytes = self._found = self._waiting = 0
        self._ended = False

    @property
    def done(self) -> bool:
        return self._ended and not self._waiting

    @property
    def can_look_ahead(self) -> bool:
        return not self._ended and self._waiting < MAX_LOOKAHEAD_FILES

    def look_ahead(self) -> None:
        """Continue the walk a little, but not so long that an idle worker would wait."""
        if not self.can_look_ahead:
            return
        for _ in range(WALK_STEP_FILES):
            file = next(self._files, None)
            if file is None:
                self._ended = True
                return
            self._put(file)

    def next(self, partial: bool) -> _Task | None:
        """Take the largest file, else a group of small ones, which may be incomplete if `partial`."""
        if self._large:
            file = heapq.heappop(self._large)[2]
            task = _Task((file,), file.size_bytes)
        elif self._small:
            task = self._small.popleft()
        elif self._open and (partial or self._ended):
            self._close_group()
            task = self._small.popleft()
        else:
            return None
        self._waiting -= len(task.files)
        return task

    def _put(self, file: FoundFile) -> None:
        self._found += 1
        self._waiting += 1
        if file.size_bytes >= MAX_TASK_BYTES:
            heapq.heappush(self._large, (-file.size_bytes, self._found, file))
            return
        self._open.append(file)
        self._open_bytes += file.size_bytes
        self._open_path_bytes += 4 * len(file.path)
        if (
            len(self._open) >= MAX_TASK_FILES
            or self._open_bytes >= MAX_TASK_BYTES
            or self._open_path_bytes >= MAX_TASK_PATH_BYTES
        ):
            self._close_group()

    def _close_group(self) -> None:
        self._small.append(_Task(tuple(self._open), self._open_bytes))
        self._open, self._open_bytes, self._open_path_bytes = [], 0, 0
