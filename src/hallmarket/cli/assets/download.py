"""`hallmarket assets download`: download a file, checked against its fingerprint, or a post as markdown."""

from hashlib import sha3_512
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from uuid import UUID

import click

from hallmarket.cli._shared.exchange import ServerOptions, exchange_options, open_exchange
from hallmarket.cli._shared.exit_status import OK, CommandError
from hallmarket.cli._shared.files import local_name, write_atomically
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.output import format_bytes, print_json, printable

if TYPE_CHECKING:
    from hallmarket.client import Asset, Exchange


@click.command(
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket assets download 0190a3c2-…
          hallmarket assets download 0190a3c2-… -o photo.jpg

        For files, and for posts as markdown; for a dataset use `hallmarket datasets pull`. Run the command again after
        an interruption: a file continues where it stopped.
        """
    )
)
@click.argument("asset_id", metavar="ID", type=click.UUID)
@click.option("--output", "-o", metavar="FILE", help="The file to write; by default the asset's own file name.")
@click.option("--quiet", "-q", is_flag=True, help="Print errors only.")
@exchange_options
def download(server: ServerOptions, asset_id: UUID, output: str | None, quiet: bool, as_json: bool) -> int:
    """Download a file, verified by its registered fingerprint, or a post as markdown."""
    if output == "-":
        raise click.UsageError("a download is not written to stdout: name the file with --output")
    with open_exchange(server) as exchange:
        asset = exchange.assets.get(str(asset_id))
        if asset.asset_type == "dataset":
            raise CommandError(f"a dataset has versions: use hallmarket datasets pull {asset.id}")
        if asset.asset_type == "file":
            downloaded = _download_file(exchange, asset, output, quiet or as_json)
            description = "with its registered fingerprint"
        else:
            downloaded = _download_markdown(exchange, asset, output)
            description = "markdown as its author wrote it"
    if as_json:
        fields = {"id": asset.id, "output": printable(str(downloaded.path))}
        print_json(fields | {"hash": downloaded.sha3_512, "size": downloaded.size_bytes})
    elif not quiet:
        print(f"{printable(str(downloaded.path))}: {format_bytes(downloaded.size_bytes)}, {description}")
    return OK


class _Downloaded(NamedTuple):
    """A local file, with its SHA3-512 and size."""

    path: Path
    sha3_512: str
    size_bytes: int


def _download_file(exchange: "Exchange", asset: "Asset", output: str | None, quiet: bool) -> _Downloaded:
    from hallmarket.cli._shared.progress import transfer_progress

    digest, size_bytes = str(asset.metadata["sha3_512"]), int(asset.metadata["size"])
    path = Path(output or local_name(str(asset.metadata.get("name") or asset.name or asset.id)))
    with transfer_progress(path.name, size_bytes, quiet=quiet) as on_bytes:
        exchange.files.download(asset, path, on_bytes)
    return _Downloaded(path, digest, size_bytes)


def _download_markdown(exchange: "Exchange", asset: "Asset", output: str | None) -> _Downloaded:
    path = output or f"{local_name(asset.name or asset.id)}.md"
    text = exchange.assets.markdown(asset.id)
    write_atomically(path, [text])
    return _Downloaded(Path(path), sha3_512(text).hexdigest(), len(text))
