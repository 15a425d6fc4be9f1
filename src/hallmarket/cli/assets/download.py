"""`hallmarket assets download`: fetch a file's bytes, checked against its fingerprint, or a post's markdown."""

from functools import partial
from hashlib import sha3_512
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import click

from hallmarket.cli._shared.exchange import EPILOG_END, exchange_options, open_exchange
from hallmarket.cli._shared.exit_status import OK, CommandError
from hallmarket.cli._shared.files import write_whole
from hallmarket.cli._shared.output import bytes_words, print_json, printable

if TYPE_CHECKING:
    from hallmarket.client.exchange import Exchange
    from hallmarket.client.exchange_types import Asset

FILE = "with the fingerprint it is registered by"
TEXT = "markdown as its author wrote it"


@click.command(
    epilog=f"""
    \b
    Examples:
      hallmarket assets download 0190a3c2-…
      hallmarket assets download 0190a3c2-… -o photo.jpg

    For files, and for posts as markdown; of a dataset it is hallmarket datasets pull. Run it again after an
    interruption: a file goes on where it stopped.
    {EPILOG_END}"""
)
@click.argument("asset_id", metavar="ID", type=click.UUID)
@click.option("--output", "-o", metavar="FILE", help="Where to; the file's own name unless given.")
@click.option("--quiet", "-q", is_flag=True, help="Print errors only.")
@exchange_options
def download(where: tuple[str, str], asset_id: UUID, output: str | None, quiet: bool, as_json: bool) -> int:
    """Fetch a file, whole and with the fingerprint it has in the registry, or not at all; or a post, as markdown."""
    if output == "-":
        raise click.UsageError("a file is fetched whole or not at all: name the file it goes to by --output")
    with open_exchange(where) as exchange:
        asset = exchange.assets.get(str(asset_id))
        if asset.asset_type == "dataset":
            raise CommandError(f"a dataset has versions: hallmarket datasets pull {asset.id}")
        if asset.asset_type == "file":
            fetched, words = _fetch_file(exchange, asset, output, quiet or as_json), FILE
        else:
            fetched, words = _fetch_text(exchange, asset, output), TEXT
    if as_json:
        facts = {"id": asset.id, "output": printable(str(fetched.place))}
        print_json(facts | {"hash": fetched.sha3_512, "size": fetched.size_bytes})
    elif not quiet:
        print(f"{printable(str(fetched.place))}: {bytes_words(fetched.size_bytes)}, {words}")
    return OK


class _Fetched(NamedTuple):
    """A file here, and what it is."""

    place: Path
    sha3_512: str
    size_bytes: int


def _fetch_file(exchange: "Exchange", asset: "Asset", output: str | None, quiet: bool) -> _Fetched:
    # Imported here, for it brings httpx: wrong usage needs none.
    from hallmarket.cli._shared.progress import transfer
    from hallmarket.cli.datasets.download import file_name
    from hallmarket.client.download import download as fetch

    promised, size_bytes = str(asset.metadata["sha3_512"]), int(asset.metadata["size"])
    place = Path(output or file_name(str(asset.metadata.get("name") or asset.name or asset.id)))
    with transfer(place.name, size_bytes, quiet=quiet) as on_bytes:
        fetch(exchange.transport, partial(exchange.files.open, asset.id), place, size_bytes, promised, on_bytes)
    return _Fetched(place, promised, size_bytes)


def _fetch_text(exchange: "Exchange", asset: "Asset", output: str | None) -> _Fetched:
    from hallmarket.cli.datasets.download import file_name

    place = output or f"{file_name(asset.name or asset.id)}.md"
    text = exchange.assets.markdown(asset.id)
    write_whole(place, [text])
    return _Fetched(Path(place), sha3_512(text).hexdigest(), len(text))
