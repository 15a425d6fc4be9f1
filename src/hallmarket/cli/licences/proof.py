"""`hallmarket licences proof`: save the proof of a licence."""

import time
from typing import TYPE_CHECKING
from uuid import UUID

import click

from hallmarket.cli._shared.exchange import ServerOptions, exchange_options, open_exchange
from hallmarket.cli._shared.exit_status import OK, CommandError
from hallmarket.cli._shared.files import write_atomically
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.options import log_key_option
from hallmarket.cli._shared.output import print_json, printable

if TYPE_CHECKING:
    from hallmarket.client import Bundle, Exchange, Verified

# How long to wait until a new licence is in the log.
WAIT_S = 20.0
PAUSE_S = 0.1


@click.command(
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket licences proof 0190a3c2-… -o licence.json
          hallmarket verify --proof licence.json scan_1944.tif
          hallmarket licences proof 0190a3c2-… -o - | jq .claims

        The proof is verified before it is saved. It names the buyer, the seller and the price, which the log does not.
        """
    )
)
@click.argument("licence_id", metavar="ID", type=click.UUID)
@click.option(
    "--output", "-o", metavar="OUT", default="licence.json", show_default=True, help="The file to write; - for stdout."
)
@log_key_option
@exchange_options
def proof(server: ServerOptions, licence_id: UUID, output: str, log_key: str | None, as_json: bool) -> int:
    """Save the proof of a licence, which anyone can check without a server."""
    with open_exchange(server) as exchange:
        bundle, verified = _fetch_proof(exchange, str(licence_id), log_key)
    write_atomically(output, [bundle.encode()])
    if output == "-":
        return OK
    if as_json:
        fields = {"output": printable(output), "id": str(licence_id), "index": verified.index}
        print_json(fields | {"origin": verified.checkpoint.origin, "exit_status": OK})
    else:
        position = f"entry {verified.index:,} of the log {printable(verified.checkpoint.origin)}"
        print(f"{printable(output)}: the proof, verified, that the licence {licence_id} is {position}")
    return OK


def _fetch_proof(exchange: "Exchange", licence_id: str, log_key: str | None) -> "tuple[Bundle, Verified]":
    """Return a licence's bundle, verified against the current log; raises CommandError, ProofError, LogRefused."""
    # Imported here because it imports httpx, which a usage error does not need.
    from hallmarket.cli._shared.connect import allow_retries, connect
    from hallmarket.client import KnownLogs, LogView
    from hallmarket.proof.entry import LICENCE, LicenceEntry

    bundle = _wait_for_proof(exchange, licence_id)
    with connect(exchange.url) as server:
        view = LogView(server, KnownLogs(), log_key)
        allow_retries(server)
        verified = view.verify(bundle, None, None, LICENCE)
        view.remember()
    if not isinstance(verified.entry, LicenceEntry) or verified.entry.id != licence_id:
        raise CommandError("the server sent the proof of another licence", code="NOT_PROVED")
    return bundle, verified


def _wait_for_proof(exchange: "Exchange", licence_id: str) -> "Bundle":
    deadline_s = time.monotonic() + WAIT_S
    while (bundle := exchange.licences.find_proof(licence_id)) is None:
        exchange.licences.get(licence_id)  # raises if there is no such licence, or it is another user's
        if time.monotonic() > deadline_s:
            raise CommandError("the licence is not in the log yet: `hallmarket status` shows the queue")
        time.sleep(PAUSE_S)
    return bundle
