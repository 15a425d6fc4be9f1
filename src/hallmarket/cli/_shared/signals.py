"""Ctrl-C and SIGTERM as a wish that the work at hand can grant: finish the sentence, then stop."""

import signal
from types import FrameType

from hallmarket.cli._shared import exit_status


class Stop:
    """While entered, the first signal is noted in `status`, the exit status it asks for; a second one interrupts."""

    def __init__(self) -> None:
        self.status = 0
        self._before: dict[int, object] = {}

    def __enter__(self) -> "Stop":
        for number in (signal.SIGINT, signal.SIGTERM):
            self._before[number] = signal.signal(number, self._note)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal() itself returned

    def __bool__(self) -> bool:
        """True once a stop was asked for."""
        return self.status != 0

    def _note(self, number: int, _: FrameType | None) -> None:
        if self.status:
            raise KeyboardInterrupt
        self.status = exit_status.INTERRUPTED if number == signal.SIGINT else exit_status.TERMINATED
