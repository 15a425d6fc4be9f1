"""Background thread that sends fingerprints in batches while other files are being read."""

import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from hallmarket.cli._shared.files import registry_name
from hallmarket.cli.anchor.plan import FingerprintedFile
from hallmarket.client import AnchorRequest, BatchResult, Hallmarket

BATCH_FILES = 2000
# A batch is sent when it is full, or this long after the previous one, so that few files do not become many requests.
PAUSE_S = 0.1


class FileResult(NamedTuple):
    """A file and the server's result for it."""

    read: FingerprintedFile
    result: BatchResult


class Sender:
    """Anchors files in batches, in the order given; an exception ends the thread and is stored in `error`."""

    def __init__(self, server: Hallmarket, metadata: str | None) -> None:
        self.error: Exception | None = None
        self._server, self._metadata = server, metadata
        self._waiting: deque[FingerprintedFile] = deque()
        self._results: deque[FileResult] = deque()
        self._changed = threading.Condition()
        self._finishing = False
        # A daemon thread: a batch that never returns must not keep an interrupted command alive.
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self._thread.start()

    @property
    def backlog(self) -> int:
        """The number of files that wait to be sent."""
        return len(self._waiting)

    @property
    def finished(self) -> bool:
        """Return whether the thread has ended, after `finish` or with an error."""
        return not self._thread.is_alive()

    def put(self, files: Iterable[FingerprintedFile]) -> None:
        """Queue fingerprinted files."""
        with self._changed:
            self._waiting.extend(files)
            self._changed.notify()

    def results(self) -> list[FileResult]:
        """Take the results that have arrived."""
        taken = []
        while self._results:
            taken.append(self._results.popleft())
        return taken

    def finish(self, *, drop_waiting: bool = False) -> None:
        """End the thread once everything is sent, or, with `drop_waiting`, after the current batch."""
        with self._changed:
            self._finishing = True
            if drop_waiting:
                self._waiting.clear()
            self._changed.notify()

    def join(self, timeout_s: float) -> None:
        """Wait up to `timeout_s` for the thread to end."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            sent_s = time.monotonic()
            while batch := self._next_batch(sent_s):
                sent_s = time.monotonic()
                results = self._server.anchor_batch(map(self._request, batch))
                for read, result in zip(batch, results, strict=True):
                    self._results.append(FileResult(read, result))
        except Exception as error:
            self.error = error

    def _next_batch(self, sent_s: float) -> list[FingerprintedFile]:
        with self._changed:
            while not self._finishing and len(self._waiting) < BATCH_FILES:
                remaining_s = sent_s + PAUSE_S - time.monotonic()
                if self._waiting and remaining_s <= 0:
                    break
                self._changed.wait(remaining_s if self._waiting else None)
            return [self._waiting.popleft() for _ in range(min(BATCH_FILES, len(self._waiting)))]

    def _request(self, read: FingerprintedFile) -> AnchorRequest:
        name = registry_name(read.file.name)
        return AnchorRequest(read.fingerprint.digest.hex(), read.fingerprint.size_bytes, name, self._metadata)
