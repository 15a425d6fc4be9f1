"""`hallmarket anchor --dry-run`: every step but the sending."""

from hallmarket.cli.exits import CommandError
from hallmarket.cli.interrupt import Stop
from hallmarket.cli.plan import Plan, found_files, progress, read_files
from hallmarket.cli.pool import Pool
from hallmarket.cli.report import Report


def run_dry(plan: Plan, report: Report) -> None:
    """Fingerprint everything and send nothing; raises CommandError when interrupted."""
    with Stop() as stop, Pool(plan.jobs) as pool, progress(plan, pool, report) as show:
        for readings in pool.readings(found_files(plan, report)):
            for file, read in read_files(readings, report):
                report.file(file.path, "fingerprinted", digest=read.digest, size_bytes=read.size_bytes)
            show()
            if stop:
                raise CommandError("interrupted", stop.status, "INTERRUPTED")
