"""`hallmarket wallet statement`: write the movements of a period as CSV."""

from typing import TYPE_CHECKING

import click

from hallmarket.cli._shared.exchange import ServerOptions, exchange_options, open_exchange
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.files import write_atomically
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.output import print_json, printable
from hallmarket.cli.wallet.period import period_options

if TYPE_CHECKING:
    from hallmarket.client import Currency


@click.command(
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket wallet statement --since 2027-01-01 --until 2028-01-01 -o 2027.csv
          hallmarket wallet statement --currency btc > all.csv
        """
    )
)
@period_options
@click.option("--output", "-o", metavar="FILE", default="-", help="The file to write; by default stdout.")
@exchange_options
def statement(
    server: ServerOptions, currency: "Currency", since: str | None, until: str | None, output: str, as_json: bool
) -> int:
    """Write the movements of a period as CSV, oldest first."""
    if as_json and output == "-":
        raise click.UsageError("a statement is CSV: with --json name its file with --output")
    with open_exchange(server) as exchange, exchange.wallet.statement(currency, since, until) as chunks:
        write_atomically(output, chunks)
    if as_json:
        print_json({"output": printable(output), "currency": currency, "since": since, "until": until})
    return OK
