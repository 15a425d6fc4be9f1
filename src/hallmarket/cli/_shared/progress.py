"""A progress bar for uploads and downloads."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hallmarket.cli._shared.output import printable


@contextmanager
def transfer(words: str, total_bytes: int | None, *, quiet: bool = False) -> Iterator[Callable[[int], None]]:
    """Show how far bytes have come, on a terminal only; yields a function that hears of each piece."""
    if quiet or not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(compact=True),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(printable(words), total=total_bytes)
        yield lambda size_bytes: progress.advance(task, size_bytes)
