"""`hallmarket anchor`: fingerprint files on all cores and anchor them in the log."""

import sys
from typing import Any

import click

from hallmarket.cli._shared.exit_status import command_error
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.options import get_api_key, json_option, key_options, server_option, text_or_file
from hallmarket.cli.anchor.dry_run import dry_run as run_dry
from hallmarket.cli.anchor.plan import Plan
from hallmarket.cli.anchor.report import Report

WAIT_S = 30.0
MAX_METADATA_BYTES = 64 * 1024


@click.command(
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket anchor photo.jpg
          hallmarket anchor ~/Pictures --exclude '*.tmp' --exclude cache/
          hallmarket anchor 'scans/**/*.tif' --metadata '{"box": 12}'
          hallmarket anchor ~/Pictures --json > anchored.json
          hallmarket anchor ~/Pictures --dry-run > fingerprints.txt

        PATH is a file, a folder with everything in it, or a glob. An item's name is the file's path below the folder,
        or the file's own name. In a folder, links to files are read, links to folders are not followed, and fifos,
        sockets and devices are skipped. Files that cannot be read are reported, and the others are anchored.

        Run the command again at any time: files that have not changed since they were anchored are neither read nor
        sent; the state file remembers them. A file that another organization registered first is not a failure.
        """
    )
)
@click.argument("paths", metavar="PATH...", nargs=-1, required=True)
@server_option
@key_options
@click.option("--metadata", metavar="TEXT", help="Metadata of every item, any text up to 64 KiB; @FILE reads a file.")
@click.option("--exclude", metavar="GLOB", multiple=True, help="Exclude matching names and paths; may be repeated.")
@click.option("--dry-run", is_flag=True, help="Only fingerprint, and list `hash  path` lines as sha512sum does.")
@click.option(
    "--state",
    metavar="FILE",
    envvar="HALLMARKET_STATE",
    show_envvar=True,
    help="The file that remembers what is anchored.  [default: ~/.local/state/hallmarket/anchored.sqlite3]",
)
@click.option("--rehash", is_flag=True, help="Read and send unchanged files too.")
@click.option("--no-wait", is_flag=True, help="Do not wait until the last items are in the log.")
@click.option("--jobs", metavar="N", type=click.IntRange(1, 512), help="Reading processes.  [default: one per core]")
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
    """Fingerprint files (SHA3-512) and anchor them in the log; their bytes are not sent."""
    key = "" if dry_run else get_api_key(api_key, api_key_file)
    plan = Plan(
        paths=paths,
        exclude=exclude,
        jobs=jobs,
        progress=_shows_progress(quiet=quiet, prints_list=as_json or dry_run),
        server=server,
        api_key=key,
        metadata=_read_metadata(metadata),
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
            # Imported here because it imports httpx, which a dry run does not need.
            from hallmarket.cli.anchor.anchor_run import anchor_files

            log = anchor_files(plan, report)
    except BrokenPipeError:
        raise
    except Exception as error:
        failure = command_error(error)
        report.close(error=failure)
        failure.reported = True
        raise failure from error
    report.close(log=log)
    return report.exit_status()


def _read_metadata(option: str | None) -> str | None:
    text = text_or_file(option, "--metadata")
    if text is not None:
        try:
            size_bytes = len(text.encode())
        except UnicodeEncodeError:
            raise click.UsageError("--metadata is not UTF-8 text") from None
        if size_bytes > MAX_METADATA_BYTES or "\0" in text:
            raise click.UsageError(f"--metadata must be at most {MAX_METADATA_BYTES:,} bytes and contain no NUL")
    return text


def _shows_progress(*, quiet: bool, prints_list: bool) -> bool:
    # A list printed on the same terminal would scroll the progress line away.
    return not quiet and sys.stderr.isatty() and not (prints_list and sys.stdout.isatty())
