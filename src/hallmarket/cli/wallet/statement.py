"""`hallmarket wallet statement`: write what moved in a period as CSV."""

from typing import TYPE_CHECKING

import click

from hallmarket.cli._shared.exchange import EPILOG_END, exchange_options, open_exchange
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.files import write_whole
from hallmarket.cli._shared.output import print_json, printable
from hallmarket.cli.wallet.period import period_options

if TYPE_CHECKING:
    from hallmarket.client.exchange_types import Currency


@click.command(
    epilog=f"""
    \b
    Examples:
      hallmarket wallet statement --since 2027-01-01 --until 2028-01-01 -o 2027.csv
      hallmarket wallet statement --currency btc > all.csv
    {EPILOG_END}"""
)
@period_options
@click.option("--output", "-o", metavar="FILE", default="-", help="Where to; standard output unless given.")
@exchange_options
def statement(
    where: tuple[str, str], currency: "Currency", since: str | None, until: str | None, output: str, as_json: bool
) -> int:
    """Write what moved in a period as CSV, oldest first."""
    if as_json and output == "-":
        raise click.UsageError("a statement is CSV: with --json name the file it goes to by --output")
    with open_exchange(where) as exchange, exchange.wallet.statement(currency, since, until) as pieces:
        write_whole(output, pieces)
    if as_json:
        print_json({"output": printable(output), "currency": currency, "since": since, "until": until})
    return OK
