"""Graceful SIGINT and SIGTERM handling."""

import signal
from types import FrameType

from hallmarket.cli._shared import exit_status


class StopSignal:
    """Context manager that records the first SIGINT or SIGTERM so that the work can finish cleanly.

    `status` is the exit status for that signal, 0 before. A second signal raises KeyboardInterrupt.
    """

    def __init__(self) -> None:
        self.status = 0
        self._previous: dict[int, object] = {}

    def __enter__(self) -> "StopSignal":
        for number in (signal.SIGINT, signal.SIGTERM):
            self._previous[number] = signal.signal(number, self._record)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal() itself returned

    def __bool__(self) -> bool:
        """Return whether a signal has been received."""
        return self.status != 0

    def _record(self, number: int, _: FrameType | None) -> None:
        if self.status:
            raise KeyboardInterrupt
        self.status = exit_status.INTERRUPTED if number == signal.SIGINT else exit_status.TERMINATED
