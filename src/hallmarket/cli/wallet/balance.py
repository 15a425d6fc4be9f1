"""`hallmarket wallet balance`: show a wallet's balance."""

from typing import TYPE_CHECKING

import click

from hallmarket.cli._shared.amounts import CURRENCIES, CURRENCY_NAMES
from hallmarket.cli._shared.exchange import ServerOptions, exchange_options, open_exchange
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.output import format_money, print_json

if TYPE_CHECKING:
    from hallmarket.client import Balance, Currency


@click.command(
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket wallet balance
          hallmarket wallet balance --currency btc --json
        """
    )
)
@click.option("--currency", type=click.Choice(CURRENCIES), help="Only in this currency.")
@exchange_options
def balance(server: ServerOptions, currency: "Currency | None", as_json: bool) -> int:
    """Show your wallet's balance."""
    import msgspec

    with open_exchange(server) as exchange:
        balances = [exchange.wallet.balance(each) for each in ([currency] if currency else CURRENCIES)]
    if as_json:
        print_json({"balances": msgspec.to_builtins(balances)})
    else:
        print("\n".join(map(_line, balances)))
    return OK


def _line(balance: "Balance") -> str:
    amount = format_money(balance.balance_minor, balance.currency)
    available = ""
    if balance.available_minor != balance.balance_minor:
        available = f", {format_money(balance.available_minor, balance.currency)} of it available"
    return f"{CURRENCY_NAMES[balance.currency]:<8} {amount}{available}"
