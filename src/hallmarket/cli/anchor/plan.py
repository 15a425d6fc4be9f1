"""The plan of one run of `anchor`, and the steps that real and dry runs share."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import NamedTuple

from hallmarket.cli._shared.fingerprint import Fingerprint
from hallmarket.cli.anchor.report import Report
from hallmarket.cli.anchor.walk import FoundFile, SkippedPath, walk
from hallmarket.cli.anchor.worker_pool import Reading, WorkerPool


class Plan(NamedTuple):
    """What one run of `anchor` is to do.

    `jobs` None means one process per core, `state` None the default state file, `wait_s` 0 not to wait for the log.
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


class FingerprintedFile(NamedTuple):
    """A file with its fingerprint."""

    file: FoundFile
    fingerprint: Fingerprint


def find_files(plan: Plan, report: Report) -> Iterator[FoundFile]:
    """Yield the files of the plan's paths; skipped paths go to the report."""
    for found in walk(plan.paths, plan.exclude):
        if isinstance(found, SkippedPath):
            report.skipped(found)
        else:
            yield found


def successful(readings: list[Reading], report: Report) -> list[FingerprintedFile]:
    """Return the files that were read; the others go to the report."""
    read: list[FingerprintedFile] = []
    for file, result in readings:
        if isinstance(result, Fingerprint):
            read.append(FingerprintedFile(file, result))
        else:
            report.file(file.path, "failed", reason=result.reason)
    return read


@contextmanager
def progress(plan: Plan, pool: WorkerPool, report: Report) -> Iterator[Callable[[], None]]:
    """Show progress if the plan requests it; yields the function that updates it."""
    if not plan.progress:
        yield lambda: None
        return
    from hallmarket.cli.anchor.progress import FileCounter, show_progress

    with (
        closing(FileCounter(plan.paths, plan.exclude, pool.descriptors)) as counter,
        show_progress(counter) as (update, notify),
    ):
        report.notify, previous = notify, report.notify
        try:
            yield lambda: update(report.files_done, pool.bytes_read + report.bytes_unchanged)
        finally:
            report.notify = previous
