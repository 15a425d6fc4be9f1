"""`hallmarket proof`: save what proves a file, for anyone to check without us."""

import re
from pathlib import Path

import click

from hallmarket.cli._shared.exit_status import OK, STATUSES, CommandError
from hallmarket.cli._shared.files import read_fingerprint, write_whole
from hallmarket.cli._shared.options import json_option, log_key_option, server_option
from hallmarket.cli._shared.output import print_json, printable

_HASH = re.compile(r"[0-9a-fA-F]{128}")


@click.command(
    epilog=f"""
    \b
    Examples:
      hallmarket proof photo.jpg -o photo.proof
      hallmarket verify --proof photo.proof photo.jpg
      hallmarket proof 102766d3…8d22 -o - | jq .claims
      hallmarket proof photo.jpg --format tlog-proof -o photo.tlog-proof

    The proof is verified before it is saved. A bundle holds the log entry, the claims and their salt, and the proof; a
    tlog-proof is the bare proof (c2sp.org/tlog-proof), for tools of others.

    {STATUSES.replace(chr(10), chr(10) + "    ")}
    """
)
@click.argument("target", metavar="HASH|FILE")
@click.option("--output", "-o", metavar="OUT", required=True, help="File to write; - for stdout.")
@click.option("--format", "form", type=click.Choice(["bundle", "tlog-proof"]), default="bundle", show_default=True)
@log_key_option
@server_option
@json_option
def proof(target: str, output: str, form: str, log_key: str | None, server: str, as_json: bool) -> int:
    """Save the proof of an anchored file, named by itself or by its SHA3-512."""
    from hallmarket.cli._shared.connect import be_patient, connect
    from hallmarket.client.consistency import LogView
    from hallmarket.client.trust import KnownLogs

    sha3_512, size_bytes = _target(target)
    with connect(server) as speaker:
        view = LogView(speaker, KnownLogs(), log_key)
        be_patient(speaker)
        bundle = speaker.find_proof(sha3_512)
        if bundle is None:
            raise CommandError(f"{printable(target)}: it is not in the log, or not yet", code="NOT_FOUND")
        verified = view.verify(bundle, sha3_512, size_bytes)
        view.remember()
    write_whole(output, [bundle.encode() if form == "bundle" else bundle.proof.encode()])
    if output == "-":
        return OK
    if as_json:
        facts = {"output": printable(output), "format": form, "hash": sha3_512, "index": verified.index}
        print_json(facts | {"origin": verified.checkpoint.origin, "exit_status": OK})
    else:
        where = f"entry {verified.index:,} of the log {printable(verified.checkpoint.origin)}"
        print(f"{printable(output)}: the proof, verified, that {printable(target)} is {where}")
    return OK


def _target(text: str) -> tuple[str, int | None]:
    if _HASH.fullmatch(text) and not Path(text).exists():
        return text.lower(), None
    try:
        read = read_fingerprint(text)
    except CommandError as error:
        raise CommandError(f"{printable(text)}: {error}", code=error.code) from None
    return read.digest.hex(), read.size_bytes
