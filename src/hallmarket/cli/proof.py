"""`hallmarket proof`: save the proof of a file."""

import re
from pathlib import Path

import click

from hallmarket.cli._shared.exit_status import OK, CommandError
from hallmarket.cli._shared.files import read_fingerprint, write_atomically
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.options import json_option, log_key_option, server_option
from hallmarket.cli._shared.output import print_json, printable

_HASH = re.compile(r"[0-9a-fA-F]{128}")


@click.command(
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket proof photo.jpg -o photo.proof
          hallmarket verify --proof photo.proof photo.jpg
          hallmarket proof 102766d3…8d22 -o - | jq .claims
          hallmarket proof photo.jpg --format tlog-proof -o photo.tlog-proof

        The proof is verified before it is saved. A bundle holds the log entry, the claims with their salt, and the
        proof; a tlog-proof holds only the proof (c2sp.org/tlog-proof), for other tools.
        """
    )
)
@click.argument("target", metavar="HASH|FILE")
@click.option("--output", "-o", metavar="OUT", required=True, help="The file to write; - for stdout.")
@click.option(
    "--format",
    "format_name",
    type=click.Choice(["bundle", "tlog-proof"]),
    default="bundle",
    show_default=True,
    help="What to save.",
)
@log_key_option
@server_option
@json_option
def proof(target: str, output: str, format_name: str, log_key: str | None, server: str, as_json: bool) -> int:
    """Save the proof of an anchored file, given as the file or as its SHA3-512."""
    # Imported here because it imports httpx, which a usage error does not need.
    from hallmarket.cli._shared.connect import allow_retries, connect
    from hallmarket.client import KnownLogs, LogView

    sha3_512, size_bytes = _read_target(target)
    with connect(server) as client:
        view = LogView(client, KnownLogs(), log_key)
        allow_retries(client)
        bundle = client.find_proof(sha3_512)
        if bundle is None:
            raise CommandError(f"{printable(target)}: it is not in the log, or not yet", code="NOT_FOUND")
        verified = view.verify(bundle, sha3_512, size_bytes)
        view.remember()
    write_atomically(output, [bundle.encode() if format_name == "bundle" else bundle.proof.encode()])
    if output == "-":
        return OK
    if as_json:
        fields = {"output": printable(output), "format": format_name, "hash": sha3_512, "index": verified.index}
        print_json(fields | {"origin": verified.checkpoint.origin, "exit_status": OK})
    else:
        position = f"entry {verified.index:,} of the log {printable(verified.checkpoint.origin)}"
        print(f"{printable(output)}: the proof, verified, that {printable(target)} is {position}")
    return OK


def _read_target(text: str) -> tuple[str, int | None]:
    if _HASH.fullmatch(text) and not Path(text).exists():
        return text.lower(), None
    try:
        read = read_fingerprint(text)
    except CommandError as error:
        raise CommandError(f"{printable(text)}: {error}", code=error.code) from None
    return read.digest.hex(), read.size_bytes
