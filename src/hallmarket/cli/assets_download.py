"""`hallmarket assets download`: fetch a file's bytes, checked against its fingerprint."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import click

from hallmarket.cli.exchanging import EPILOG_END, exchange_options, open_exchange
from hallmarket.cli.exits import OK, CommandError
from hallmarket.cli.output import bytes_words, print_json, printable

if TYPE_CHECKING:
    from hallmarket.client.exchange_types import Asset


@click.command(
    epilog=f"""
    \b
    Examples:
      hallmarket assets download 0190a3c2-…
      hallmarket assets download 0190a3c2-… -o photo.jpg

    For files; of a dataset it is hallmarket datasets pull. Run it again after an interruption: it goes on where it
    stopped.
    {EPILOG_END}"""
)
@click.argument("asset_id", metavar="ID", type=click.UUID)
@click.option("--output", "-o", metavar="FILE", help="Where to; the file's own name unless given.")
@click.option("--quiet", "-q", is_flag=True, help="Print errors only.")
@exchange_options
def download(where: tuple[str, str], asset_id: UUID, output: str | None, quiet: bool, as_json: bool) -> int:
    """Fetch a file, whole and with the fingerprint it has in the registry, or not at all."""
    if output == "-":
        raise click.UsageError("a file is fetched whole or not at all: name the file it goes to by --output")
    # Imported here, for it brings httpx: wrong usage needs none.
    from hallmarket.cli.progress import transfer
    from hallmarket.cli.pulling import file_name
    from hallmarket.client.download import download as fetch

    with open_exchange(where) as exchange:
        asset = exchange.assets.get(str(asset_id))
        sha3_512, size_bytes = _promised(asset)
        place = Path(output or file_name(str(asset.metadata.get("name") or asset.name or asset.id)))
        with transfer(place.name, size_bytes, quiet=quiet or as_json) as on_bytes:
            fetch(exchange.transport, partial(exchange.files.open, asset.id), place, size_bytes, sha3_512, on_bytes)
    if as_json:
        print_json({"id": asset.id, "output": printable(str(place)), "hash": sha3_512, "size": size_bytes})
    elif not quiet:
        print(f"{printable(str(place))}: {bytes_words(size_bytes)}, with the fingerprint it is registered by")
    return OK


def _promised(asset: "Asset") -> tuple[str, int]:
    """A file's fingerprint and size; raises CommandError for what is no file."""
    if asset.asset_type == "dataset":
        raise CommandError(f"a dataset has versions: hallmarket datasets pull {asset.id}")
    if asset.asset_type != "file":
        raise CommandError(f"a {asset.asset_type} is a text, not a file")
    return str(asset.metadata["sha3_512"]), int(asset.metadata["size"])
