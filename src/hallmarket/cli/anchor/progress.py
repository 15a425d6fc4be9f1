"""The progress display of `anchor`: files, bytes, rate and time left."""

import mmap
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from hallmarket.cli._shared.output import format_count
from hallmarket.cli.anchor.walk import FoundFile, walk


class FileCounter:
    """A child process that walks the same paths only to count files and bytes, so that the time left is known early."""

    def __init__(self, arguments: Sequence[str], exclude: Sequence[str], parent_descriptors: Sequence[int]) -> None:
        self._totals = memoryview(mmap.mmap(-1, 24)).cast("Q")
        parent = os.getpid()
        self._pid = os.fork()
        if not self._pid:
            try:
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                signal.signal(signal.SIGTERM, signal.SIG_DFL)
                for descriptor in parent_descriptors:
                    os.close(descriptor)
                self._count(arguments, exclude, parent)
            finally:
                os._exit(0)

    def totals(self) -> tuple[int, int] | None:
        """Return the number of files and bytes, or None while the count is not finished."""
        return (self._totals[0], self._totals[1]) if self._totals[2] else None

    def close(self) -> None:
        """End the child process, finished or not."""
        os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)

    def _count(self, arguments: Sequence[str], exclude: Sequence[str], parent: int) -> None:
        files = size_bytes = 0
        for found in walk(arguments, exclude):
            files += 1
            size_bytes += found.size_bytes if isinstance(found, FoundFile) else 0
            if files % 1024 == 0 and os.getppid() != parent:
                return
        self._totals[0], self._totals[1], self._totals[2] = files, size_bytes, 1


Update = Callable[[int, int], None]
Notify = Callable[[str], None]


@contextmanager
def show_progress(counter: FileCounter) -> Iterator[tuple[Update, Notify]]:
    """Show a progress line on stderr; yields a function to update it (files, bytes) and one to print a line above."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(compact=True),
    )
    progress = Progress(*columns, console=Console(stderr=True), transient=True, auto_refresh=False)
    task = progress.add_task("", total=None)
    with progress:

        def update(files: int, size_bytes: int) -> None:
            totals = counter.totals()
            description = f"{files:,} of {format_count(totals[0], 'file')}" if totals else format_count(files, "file")
            progress.update(task, description=description, completed=size_bytes, total=totals[1] if totals else None)
            progress.refresh()

        def notify(message: str) -> None:
            progress.console.print(f"hallmarket: {message}", markup=False, highlight=False, soft_wrap=True)

        yield update, notify
