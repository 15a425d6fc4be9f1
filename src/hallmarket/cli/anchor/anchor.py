"""`hallmarket anchor`: fingerprint files on all cores and anchor them in the log."""

import sys
from typing import Any

import click

from hallmarket.cli._shared.exit_status import STATUSES, command_error
from hallmarket.cli._shared.options import get_api_key, json_option, key_options, read_text, server_option
from hallmarket.cli.anchor.dry_run import run_dry
from hallmarket.cli.anchor.plan import Plan
from hallmarket.cli.anchor.report import Report

WAIT_S = 30.0
MAX_METADATA_BYTES = 64 * 1024


@click.command(
    epilog=f"""
    \b
    Examples:
      hallmarket anchor photo.jpg
      hallmarket anchor ~/Pictures --exclude '*.tmp' --exclude cache/
      hallmarket anchor 'scans/**/*.tif' --metadata '{{"box": 12}}'
      hallmarket anchor ~/Pictures --json > anchored.json
      hallmarket anchor ~/Pictures --dry-run > fingerprints.txt

    A folder means everything in it. An item's name is the file's path below the folder given, or the file's own name.
    Inside a folder, links to files are read and links to folders are not followed; fifos, sockets and devices are
    skipped. What cannot be read is named, and the rest goes on.

    Run it again at any time: files unchanged since they were anchored are neither read nor sent, by the state file.
    A file that somebody else registered first counts as known; it is no failure.

    {STATUSES.replace(chr(10), chr(10) + "    ")}
    """
)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@server_option
@key_options
@click.option("--metadata", metavar="TEXT", help="Metadata for every item, any text up to 64 KiB; @FILE reads a file.")
@click.option("--exclude", metavar="GLOB", multiple=True, help="Leave out names or paths that match; may be repeated.")
@click.option("--dry-run", is_flag=True, help="Only fingerprint, and list `hash  path` lines as sha512sum does.")
@click.option(
    "--state",
    metavar="FILE",
    envvar="HALLMARKET_STATE",
    show_envvar=True,
    help="What is anchored already.  [default: ~/.local/state/hallmarket/anchored.sqlite3]",
)
@click.option("--rehash", is_flag=True, help="Read and send unchanged files too.")
@click.option("--no-wait", is_flag=True, help="Do not wait until the last items stand in the log.")
@click.option("--jobs", metavar="N", type=click.IntRange(1, 512), help="Processes that read.  [default: one a core]")
@click.option("--quiet", "-q", is_flag=True, help="Print errors only.")
@json_option
def anchor(
    paths: tuple[str, ...],
    server: str,
    api_key: str | None,
    api_key_file: str | None,
    metadata: str | None,
    exclude: tuple[str, ...],
    dry_run: bool,
    state: str | None,
    rehash: bool,
    no_wait: bool,
    jobs: int | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Fingerprint files (SHA3-512) and anchor them in the log; the bytes stay here."""
    key = "" if dry_run else get_api_key(api_key, api_key_file)
    plan = Plan(
        paths=paths,
        exclude=exclude,
        jobs=jobs,
        progress=_wants_progress(quiet=quiet, lists=as_json or dry_run),
        server=server,
        api_key=key,
        metadata=_metadata(metadata),
        state=state,
        rehash=rehash,
        wait_s=0 if no_wait else WAIT_S,
    )
    report = Report(as_json=as_json, quiet=quiet, list_hashes=dry_run)
    log: dict[str, Any] | None = None
    try:
        if dry_run:
            run_dry(plan, report)
        else:
            # Imported here, for it brings httpx: a dry run has no use for that.
            from hallmarket.cli.anchor.run import run

            log = run(plan, report)
    except BrokenPipeError:
        raise
    except Exception as error:
        failure = command_error(error)
        report.close(error=failure)
        failure.told = True
        raise failure from error
    report.close(log=log)
    return report.exit_status()


def _metadata(text: str | None) -> str | None:
    if text is not None and text.startswith("@"):
        text = read_text(text[1:], "--metadata")
    if text is not None:
        try:
            size_bytes = len(text.encode())
        except UnicodeEncodeError:
            raise click.UsageError("--metadata is no UTF-8 text") from None
        if size_bytes > MAX_METADATA_BYTES or "\0" in text:
            raise click.UsageError(f"--metadata must be at most {MAX_METADATA_BYTES:,} bytes and hold no NUL")
    return text


def _wants_progress(*, quiet: bool, lists: bool) -> bool:
    # The output itself would scroll through the progress line.
    return not quiet and sys.stderr.isatty() and not (lists and sys.stdout.isatty())
