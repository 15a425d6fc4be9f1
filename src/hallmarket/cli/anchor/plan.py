"""What one run of `anchor` was asked to do, and the steps both kinds of run share."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import NamedTuple

from hallmarket.cli._shared.fingerprint import Fingerprint
from hallmarket.cli.anchor.report import Report
from hallmarket.cli.anchor.walk import FoundFile, Passed, walk
from hallmarket.cli.anchor.worker_pool import Pool, Reading


class Plan(NamedTuple):
    """What one run of `anchor` was asked to do; `state` is a path, or None for the usual one, and `wait_s` 0 means
    not to wait for the log.
    """

    paths: Sequence[str]
    exclude: Sequence[str]
    jobs: int | None
    progress: bool
    server: str
    api_key: str
    metadata: str | None
    state: str | None
    rehash: bool
    wait_s: float


class ReadFile(NamedTuple):
    """A file with its fingerprint."""

    file: FoundFile
    fingerprint: Fingerprint


def found_files(plan: Plan, report: Report) -> Iterator[FoundFile]:
    """Walk the plan's paths; what is no file goes to the report."""
    for found in walk(plan.paths, plan.exclude):
        if isinstance(found, Passed):
            report.passed(found)
        else:
            yield found


def read_files(readings: list[Reading], report: Report) -> list[ReadFile]:
    """Return the files that were read; those that could not be go to the report."""
    read: list[ReadFile] = []
    for file, result in readings:
        if isinstance(result, Fingerprint):
            read.append(ReadFile(file, result))
        else:
            report.file(file.path, "failed", reason=result.reason)
    return read


@contextmanager
def progress(plan: Plan, pool: Pool, report: Report) -> Iterator[Callable[[], None]]:
    """Show progress where it was asked for; yields the function that moves it."""
    if not plan.progress:
        yield lambda: None
        return
    from hallmarket.cli.anchor.progress import Count, display

    with closing(Count(plan.paths, plan.exclude, pool.descriptors)) as count, display(count) as (show, tell):
        report.tell, before = tell, report.tell
        try:
            yield lambda: show(report.files_done, pool.bytes_read + report.bytes_unread)
        finally:
            report.tell = before
