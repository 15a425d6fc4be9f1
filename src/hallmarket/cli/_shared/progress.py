"""The progress bar of uploads and downloads."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from hallmarket.cli._shared.output import printable


@contextmanager
def transfer_progress(
    description: str, total_bytes: int | None, *, quiet: bool = False
) -> Iterator[Callable[[int], None]]:
    """Show the progress of a transfer if stderr is a terminal; yields a function to call with each chunk's size."""
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
        task = progress.add_task(printable(description), total=total_bytes)
        yield lambda size_bytes: progress.advance(task, size_bytes)
