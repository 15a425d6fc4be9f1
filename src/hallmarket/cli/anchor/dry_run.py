"""`hallmarket anchor --dry-run`: fingerprint files without sending anything."""

from hallmarket.cli._shared.exit_status import CommandError
from hallmarket.cli._shared.signals import StopSignal
from hallmarket.cli.anchor.plan import Plan, find_files, progress, successful
from hallmarket.cli.anchor.report import Report
from hallmarket.cli.anchor.worker_pool import WorkerPool


def dry_run(plan: Plan, report: Report) -> None:
    """Fingerprint every file of the plan; raises CommandError if interrupted."""
    with StopSignal() as stop, WorkerPool(plan.jobs) as pool, progress(plan, pool, report) as update_progress:
        for readings in pool.readings(find_files(plan, report)):
            for file, read in successful(readings, report):
                report.file(file.path, "fingerprinted", digest=read.digest, size_bytes=read.size_bytes)
            update_progress()
            if stop:
                raise CommandError("interrupted", stop.status, "INTERRUPTED")
