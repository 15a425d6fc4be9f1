"""`hallmarket datasets pull`: fetch a version of a dataset, with what proves it."""

from pathlib import Path
from uuid import UUID

import click

from hallmarket.cli._shared.exchange import EPILOG_END, exchange_options, open_exchange
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.extras import require_extra
from hallmarket.cli._shared.options import log_key_option
from hallmarket.cli._shared.output import count_words, print_json, printable
from hallmarket.cli.publish.publish import TABLES

FORMATS = ("parquet", "csv", "json", "ndjson", "arrow")


@click.command(
    epilog=f"""
    \b
    Examples:
      hallmarket datasets pull 0190a3c2-…
      hallmarket datasets pull 0190a3c2-… --version 3 -o stations.parquet
      hallmarket datasets pull 0190a3c2-… --format csv -o stations.csv

    The version's Parquet files are fetched as they are and checked against its manifest, and the manifest against the
    log. As parquet they stay as they are, in a folder if there are several, and the proof stands beside them: then
    `hallmarket verify` proves them, also without a network. Every other format is made of them here, and has no proof
    of its own. Run it again after an interruption: it goes on where it stopped.
    {EPILOG_END}"""
)
@click.argument("dataset_id", metavar="ID", type=click.UUID)
@click.option("--version", metavar="N", type=click.IntRange(1), help="Which version; the newest unless given.")
@click.option("--format", "form", type=click.Choice(FORMATS), help="By the ending of FILE unless given, else parquet.")
@click.option("--output", "-o", metavar="FILE", help="Where to; named after the dataset unless given.")
@click.option("--proof", metavar="FILE", help="Where the proof goes; FILE.proof beside the output unless given.")
@log_key_option
@click.option("--quiet", "-q", is_flag=True, help="Print errors only.")
@exchange_options
def pull(
    where: tuple[str, str],
    dataset_id: UUID,
    version: int | None,
    form: str | None,
    output: str | None,
    proof: str | None,
    log_key: str | None,
    quiet: bool,
    as_json: bool,
) -> int:
    """Fetch a version of a dataset, check it against the log, and keep what proves it."""
    if "-" in (output, proof):
        raise click.UsageError("a version is fetched whole or not at all: name the files it goes to")
    form = form or _form(output)
    if form != "parquet":
        require_extra("tables", f"pulling as {form}")
    from hallmarket.cli.datasets.download import Pull

    with open_exchange(where) as exchange:
        wanted = Pull(exchange, str(dataset_id), version, log_key, quiet=quiet or as_json)
        pulled = wanted.run(form, output, proof)
    manifest = pulled.manifest
    if as_json:
        facts = {"output": printable(str(pulled.output)), "proof": pulled.proof and printable(str(pulled.proof))}
        facts |= {"dataset": manifest.dataset, "format": pulled.form}
        print_json(facts | {"version": manifest.version, "rows": manifest.rows, "index": pulled.leaf_index})
    elif not quiet:
        rows, files = count_words(manifest.rows, "row"), count_words(len(manifest.files), "file")
        print(f"{printable(str(pulled.output))}: version {manifest.version:,}, {rows}, checked against the log")
        if pulled.proof:
            print(f"{printable(str(pulled.proof))}: the proof of {files}, for `hallmarket verify`")
    return OK


def _form(output: str | None) -> str:
    ending = Path(output or "").suffix.lower()
    if ending in TABLES and ending[1:] not in FORMATS:
        # Whoever opened it would expect what it is called.
        raise click.UsageError(f"a dataset is not pulled as {ending}, but as {', '.join(FORMATS)}")
    return ending[1:] if ending[1:] in FORMATS else "parquet"
