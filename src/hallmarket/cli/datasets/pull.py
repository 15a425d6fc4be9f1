"""`hallmarket datasets pull`: download a version of a dataset, verify it, and save its proof."""

from pathlib import Path
from uuid import UUID

import click

from hallmarket.cli._shared.exchange import ServerOptions, exchange_options, open_exchange
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.options import log_key_option
from hallmarket.cli._shared.output import format_count, print_json, printable
from hallmarket.cli.publish.publish import TABLE_SUFFIXES

FORMATS = ("parquet", "csv", "json", "ndjson", "arrow")


@click.command(
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket datasets pull 0190a3c2-…
          hallmarket datasets pull 0190a3c2-… --version 3 -o stations.parquet
          hallmarket datasets pull 0190a3c2-… --format csv -o stations.csv

        The version's Parquet files are downloaded and checked against its manifest, and the manifest against the log.
        As parquet they are kept unchanged, several files in a folder, with the proof next to them, so that
        `hallmarket verify` can prove them without a network. Every other format is converted from them locally, has no
        proof of its own, and needs pip install 'hallmarket[tables]'. Run the command again after an interruption: it
        continues where it stopped.
        """
    )
)
@click.argument("dataset_id", metavar="ID", type=click.UUID)
@click.option("--version", metavar="N", type=click.IntRange(1), help="The version; by default the newest.")
@click.option("--format", "format_name", type=click.Choice(FORMATS), help="By default FILE's ending, or else parquet.")
@click.option("--output", "-o", metavar="FILE", help="The file to write; by default named after the dataset.")
@click.option("--proof", metavar="FILE", help="The file for the proof; by default the output's name and .proof.")
@log_key_option
@click.option("--quiet", "-q", is_flag=True, help="Print errors only.")
@exchange_options
def pull(
    server: ServerOptions,
    dataset_id: UUID,
    version: int | None,
    format_name: str | None,
    output: str | None,
    proof: str | None,
    log_key: str | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Download a version of a dataset, verify it against the log, and save its proof."""
    if "-" in (output, proof):
        raise click.UsageError("a version is not written to stdout: name the files with --output and --proof")
    format_name = format_name or _default_format(output)
    # Imported here because it imports httpx, which a usage error does not need.
    from hallmarket.cli.datasets.version_download import VersionDownload, find_converter

    converter = find_converter(format_name)
    with open_exchange(server) as exchange:
        download = VersionDownload(exchange, str(dataset_id), version, log_key, quiet=quiet or as_json)
        pulled = download.run(format_name, converter, output, proof)
    manifest = pulled.manifest
    if as_json:
        fields = {
            "output": printable(str(pulled.output)),
            "proof": pulled.proof and printable(str(pulled.proof)),
            "dataset": manifest.dataset,
            "format": format_name,
            "version": manifest.version,
            "rows": manifest.rows,
            "index": pulled.leaf_index,
        }
        print_json(fields)
    elif not quiet:
        rows, files = format_count(manifest.rows, "row"), format_count(len(manifest.files), "file")
        print(f"{printable(str(pulled.output))}: version {manifest.version:,}, {rows}, checked against the log")
        if pulled.proof:
            print(f"{printable(str(pulled.proof))}: the proof of {files}, for `hallmarket verify`")
    return OK


def _default_format(output: str | None) -> str:
    suffix = Path(output or "").suffix.lower()
    if suffix in TABLE_SUFFIXES and suffix[1:] not in FORMATS:
        # A file with this ending would be opened as that format.
        raise click.UsageError(f"a dataset cannot be pulled as {suffix}; the formats are {', '.join(FORMATS)}")
    return suffix[1:] if suffix[1:] in FORMATS else "parquet"
