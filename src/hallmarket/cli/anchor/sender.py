"""Sending fingerprints while others are still being made: a thread, a queue and one batch under way at a time."""

import os
import threading
import time
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from hallmarket.cli.anchor.plan import ReadFile
from hallmarket.client.api import Hallmarket
from hallmarket.client.types import AnchorRequest, BatchResult

BATCH_FILES = 2000
# A batch leaves when it is full or this long after the last one, so few files do not become many requests.
PAUSE_S = 0.1
MAX_NAME = 1024


class Answer(NamedTuple):
    """A file and what the server said of it."""

    read: ReadFile
    result: BatchResult


class Sender:
    """Anchors files in batches, in the order given; a failure ends it and stays in `error`."""

    def __init__(self, server: Hallmarket, metadata: str | None) -> None:
        self.error: Exception | None = None
        self._server, self._metadata = server, metadata
        self._waiting: deque[ReadFile] = deque()
        self._answers: deque[Answer] = deque()
        self._change = threading.Condition()
        self._finishing = False
        # A daemon: a batch that never returns must not keep an interrupted command alive.
        self._thread = threading.Thread(target=self._run, name="sender", daemon=True)
        self._thread.start()

    @property
    def backlog(self) -> int:
        """How many files wait to be sent."""
        return len(self._waiting)

    @property
    def finished(self) -> bool:
        """True once everything was answered after `finish`, or sending failed."""
        return not self._thread.is_alive()

    def put(self, files: Iterable[ReadFile]) -> None:
        """Queue fingerprinted files."""
        with self._change:
            self._waiting.extend(files)
            self._change.notify()

    def answers(self) -> list[Answer]:
        """Take the answers that have come in."""
        taken = []
        while self._answers:
            taken.append(self._answers.popleft())
        return taken

    def finish(self, *, drop_waiting: bool = False) -> None:
        """Let the thread end when everything is sent, or with the batch under way."""
        with self._change:
            self._finishing = True
            if drop_waiting:
                self._waiting.clear()
            self._change.notify()

    def join(self, timeout_s: float) -> None:
        """Wait a little for the thread to end."""
        self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            sent_s = time.monotonic()
            while batch := self._next(sent_s):
                sent_s = time.monotonic()
                results = self._server.anchor_batch(map(self._request, batch))
                for read, result in zip(batch, results, strict=True):
                    self._answers.append(Answer(read, result))
        except Exception as error:
            self.error = error

    def _next(self, sent_s: float) -> list[ReadFile]:
        with self._change:
            while not self._finishing and len(self._waiting) < BATCH_FILES:
                left_s = sent_s + PAUSE_S - time.monotonic()
                if self._waiting and left_s <= 0:
                    break
                self._change.wait(left_s if self._waiting else None)
            return [self._waiting.popleft() for _ in range(min(BATCH_FILES, len(self._waiting)))]

    def _request(self, read: ReadFile) -> AnchorRequest:
        name = wire_name(read.file.name)
        return AnchorRequest(read.fingerprint.digest.hex(), read.fingerprint.size_bytes, name, self._metadata)


def wire_name(name: str) -> str:
    """Return a file's name as the registry can hold it: bytes that are no UTF-8 replaced, at most 1,024 characters."""
    text = os.fsencode(name).decode("utf-8", "replace")
    # The end of a long path says more than its beginning.
    return text if len(text) <= MAX_NAME else "…" + text[1 - MAX_NAME :]
