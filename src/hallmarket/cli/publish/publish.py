"""`hallmarket publish`: make files assets, and tables datasets, each once."""

from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import click

from hallmarket.cli._shared.amounts import Amount, dollars
from hallmarket.cli._shared.exchange import EPILOG_END, exchange_options, find_placement, open_exchange
from hallmarket.cli._shared.exit_status import NO, OK, command_error
from hallmarket.cli._shared.options import text_or_file
from hallmarket.cli._shared.output import print_json, printable, tell

TABLES = (".csv", ".tsv", ".parquet", ".json", ".ndjson", ".jsonl", ".xlsx", ".xls", ".ods")
VISIBILITIES = ("public", "organization", "private", "monetized")
MAX_NAME_LENGTH = 1024


@click.command(
    epilog=f"""
    \b
    Examples:
      hallmarket publish photo.jpg --visibility organization
      hallmarket publish stations.csv --name "Rainfall by station" --license CC-BY-4.0
      hallmarket publish scans/*.tif --organization gazette --team archive
      hallmarket publish survey.parquet --as file --price-usd 20

    A table ({", ".join(TABLES)}) becomes a dataset, whatever else a file; --as says otherwise. Either is anchored, so
    that anyone may prove which bytes they got. Run it again at any time: what you have published already, by its
    fingerprint, is found and not published twice.
    {EPILOG_END}"""
)
@click.argument("files", metavar="FILE...", nargs=-1, required=True)
@click.option("--as", "kind", type=click.Choice(["file", "dataset"]), help="What every FILE becomes.")
@click.option("--name", metavar="TEXT", help="Its name; the file's own unless given. For one FILE.")
@click.option("--description", metavar="TEXT", help="Markdown; @FILE reads a file.")
@click.option("--visibility", type=click.Choice(VISIBILITIES), help="Who may see it; the team's choice unless given.")
@click.option("--organization", metavar="NAME|ID", help="Where it belongs; your key's organization unless given.")
@click.option("--team", metavar="NAME|ID", help="The team it belongs to, one of yours.")
@click.option("--price-usd", metavar="AMOUNT", type=Amount("usd"), help="Its price in dollars.")
@click.option("--price-sats", metavar="N", type=Amount("btc"), help="Its price in satoshis.")
@click.option("--license", "license_id", metavar="NAME", help="Its licence, such as CC-BY-4.0.")
@click.option("--license-text", metavar="TEXT", help="The terms that a buyer accepts; @FILE reads a file.")
@click.option("--quiet", "-q", is_flag=True, help="Print errors only.")
@exchange_options
def publish(
    where: tuple[str, str], files: tuple[str, ...], kind: str | None, quiet: bool, as_json: bool, **said: Any
) -> int:
    """Publish files and tables: upload, anchor, and make them assets."""
    if said["name"] is not None and len(files) > 1:
        raise click.UsageError("--name is for one file")
    fields = _fields(said)
    # Imported here, for it brings httpx: wrong usage needs none.
    from hallmarket.cli.publish.publisher import Publishing

    told: list[dict[str, Any]] = []
    with ExitStack() as stack:
        exchange = stack.enter_context(open_exchange(where))
        fields |= find_placement(exchange, said["organization"], said["team"])
        publishing = stack.enter_context(closing(Publishing(exchange, fields, quiet=quiet or as_json)))
        for path in files:
            try:
                published = publishing.publish(Path(path), kind or _kind(path))
            except Exception as error:
                failure = command_error(error)
                if failure.status != NO:  # it is about the server, or about us, and the next file would fare no better
                    raise
                tell(f"{printable(path)}: {failure}")
                told.append({"path": printable(path), "outcome": "failed", "error": failure.as_json()})
                continue
            told.append({"path": printable(path), **published.facts()})
            if not quiet and not as_json:
                print(f"{printable(path)}: {published.words()}", flush=True)
    status = NO if any(one["outcome"] == "failed" for one in told) else OK
    if as_json:
        print_json({"files": told, "exit_status": status})
    return status


def _kind(path: str) -> str:
    return "dataset" if Path(path).suffix.lower() in TABLES else "file"


def _fields(said: dict[str, Any]) -> dict[str, Any]:
    """What the options say of the assets to be."""
    names = ("name", "visibility", "price_usd", "price_sats", "license_id")
    fields = {name: said[name] for name in names} | {
        "description": text_or_file(said["description"], "--description"),
        "license_text": text_or_file(said["license_text"], "--license-text"),
    }
    fields = {name: value for name, value in fields.items() if value is not None}
    if "price_usd" in fields:
        fields["price_usd"] = dollars(fields["price_usd"])
    if "price_usd" in fields or "price_sats" in fields:
        fields = {"visibility": "monetized", "monetization": "pay-to-unlock"} | fields
    return fields
