"""`hallmarket anchor --dry-run`: every step but the sending."""

from hallmarket.cli._shared.exit_status import CommandError
from hallmarket.cli._shared.signals import Stop
from hallmarket.cli.anchor.plan import Plan, found_files, progress, read_files
from hallmarket.cli.anchor.report import Report
from hallmarket.cli.anchor.worker_pool import Pool


def run_dry(plan: Plan, report: Report) -> None:
    """Fingerprint everything and send nothing; raises CommandError when interrupted."""
    with Stop() as stop, Pool(plan.jobs) as pool, progress(plan, pool, report) as show:
        for readings in pool.readings(found_files(plan, report)):
            for file, read in read_files(readings, report):
                report.file(file.path, "fingerprinted", digest=read.digest, size_bytes=read.size_bytes)
            show()
            if stop:
                raise CommandError("interrupted", stop.status, "INTERRUPTED")
