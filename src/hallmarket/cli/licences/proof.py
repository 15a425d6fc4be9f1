"""`hallmarket licences proof`: save the proof of a licence."""

from uuid import UUID

import click

from hallmarket.cli._shared.exchange import EPILOG_END, exchange_options, open_exchange
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.files import write_whole
from hallmarket.cli._shared.options import log_key_option
from hallmarket.cli._shared.output import print_json, printable


@click.command(
    epilog=f"""
    \b
    Examples:
      hallmarket licences proof 0190a3c2-… -o licence.json
      hallmarket verify --proof licence.json scan_1944.tif
      hallmarket licences proof 0190a3c2-… -o - | jq .claims

    The proof is verified before it is saved. It names buyer, seller and price: the log does not.
    {EPILOG_END}"""
)
@click.argument("licence_id", metavar="ID", type=click.UUID)
@click.option(
    "--output", "-o", metavar="OUT", default="licence.json", show_default=True, help="File to write; - for stdout."
)
@log_key_option
@exchange_options
def proof(where: tuple[str, str], licence_id: UUID, output: str, log_key: str | None, as_json: bool) -> int:
    """Save the proof of a licence, which anybody can check without us."""
    from hallmarket.cli.licences.fetch_proof import fetch_proof

    with open_exchange(where) as exchange:
        bundle, verified = fetch_proof(exchange, str(licence_id), log_key)
    write_whole(output, [bundle.encode()])
    if output == "-":
        return OK
    if as_json:
        facts = {"output": printable(output), "id": str(licence_id), "index": verified.index}
        print_json(facts | {"origin": verified.checkpoint.origin, "exit_status": OK})
    else:
        place = f"entry {verified.index:,} of the log {printable(verified.checkpoint.origin)}"
        print(f"{printable(output)}: the proof, verified, that the licence {licence_id} is {place}")
    return OK
