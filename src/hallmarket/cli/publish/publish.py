"""`hallmarket publish`: make files assets, and tables datasets, each once."""

from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import click

from hallmarket.cli._shared.amounts import Amount, to_dollars
from hallmarket.cli._shared.exchange import ServerOptions, exchange_options, find_placement, open_exchange
from hallmarket.cli._shared.exit_status import FAILED, OK, command_error
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.options import text_or_file
from hallmarket.cli._shared.output import notify, print_json, printable

TABLE_SUFFIXES = (".csv", ".tsv", ".parquet", ".json", ".ndjson", ".jsonl", ".xlsx", ".xls", ".ods")
VISIBILITIES = ("public", "organization", "private", "monetized")


@click.command(
    epilog=epilog(
        f"""
        \b
        Examples:
          hallmarket publish photo.jpg --visibility organization
          hallmarket publish stations.csv --name "Rainfall by station" --license CC-BY-4.0
          hallmarket publish scans/*.tif --organization gazette --team archive
          hallmarket publish survey.parquet --as file --price-usd 20

        A table ({", ".join(TABLE_SUFFIXES)}) becomes a dataset, any other file a file; --as overrides this. Both are
        anchored, so that buyers can prove which bytes they received. Run the command again at any time: files that you
        have published already are found by their fingerprint and not published twice.
        """
    )
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--as", "kind", type=click.Choice(["file", "dataset"]), help="Make every FILE this type of asset.")
@click.option("--name", metavar="TEXT", help="The asset's name, for one FILE; the file's own name by default.")
@click.option("--description", metavar="TEXT", help="Markdown; @FILE reads a file.")
@click.option("--visibility", type=click.Choice(VISIBILITIES), help="Who can see it; the team's default if not given.")
@click.option("--organization", metavar="NAME|ID", help="Its organization; by default that of your key.")
@click.option("--team", metavar="NAME|ID", help="Its team, one of yours.")
@click.option("--price-usd", metavar="AMOUNT", type=Amount("usd"), help="Its price in dollars.")
@click.option("--price-sats", metavar="N", type=Amount("btc"), help="Its price in satoshis.")
@click.option("--license", "license_id", metavar="NAME", help="Its licence, such as CC-BY-4.0.")
@click.option("--license-text", metavar="TEXT", help="The terms that buyers accept; @FILE reads a file.")
@click.option("--quiet", "-q", is_flag=True, help="Print errors only.")
@exchange_options
def publish(
    server: ServerOptions, files: tuple[str, ...], kind: str | None, quiet: bool, as_json: bool, **options: Any
) -> int:
    """Publish files and tables: upload them, anchor them, and make them assets."""
    if options["name"] is not None and len(files) > 1:
        raise click.UsageError("--name is for one file")
    fields = _asset_fields(options)
    # Imported here because it imports httpx, which a usage error does not need.
    from hallmarket.cli.publish.publisher import Publisher

    outcomes: list[dict[str, Any]] = []
    with ExitStack() as stack:
        exchange = stack.enter_context(open_exchange(server))
        fields |= find_placement(exchange, options["organization"], options["team"])
        publisher = stack.enter_context(closing(Publisher(exchange, fields, quiet=quiet or as_json)))
        for path in files:
            try:
                published = publisher.publish(Path(path), kind or _default_kind(path))
            except Exception as error:
                failure = command_error(error)
                if failure.status != FAILED:  # a failure of the server or of this program, not of one file
                    raise
                notify(f"{printable(path)}: {failure}")
                outcomes.append({"path": printable(path), "outcome": "failed", "error": failure.as_json()})
                continue
            outcomes.append({"path": printable(path), **published.as_json()})
            if not quiet and not as_json:
                print(f"{printable(path)}: {published.text()}", flush=True)
    status = FAILED if any(outcome["outcome"] == "failed" for outcome in outcomes) else OK
    if as_json:
        print_json({"files": outcomes, "exit_status": status})
    return status


def _default_kind(path: str) -> str:
    return "dataset" if Path(path).suffix.lower() in TABLE_SUFFIXES else "file"


def _asset_fields(options: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an asset that the options give."""
    names = ("name", "visibility", "price_usd", "price_sats", "license_id")
    fields = {name: options[name] for name in names} | {
        "description": text_or_file(options["description"], "--description"),
        "license_text": text_or_file(options["license_text"], "--license-text"),
    }
    fields = {name: value for name, value in fields.items() if value is not None}
    if "price_usd" in fields:
        fields["price_usd"] = to_dollars(fields["price_usd"])
    if "price_usd" in fields or "price_sats" in fields:
        fields = {"visibility": "monetized", "monetization": "pay-to-unlock"} | fields
    return fields
