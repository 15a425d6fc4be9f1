"""`hallmarket wallet balance`: show what a wallet holds."""

from typing import TYPE_CHECKING

import click

from hallmarket.cli._shared.amounts import CURRENCIES, NAMES
from hallmarket.cli._shared.exchange import EPILOG_END, exchange_options, open_exchange
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.output import money_words, print_json

if TYPE_CHECKING:
    from hallmarket.client.exchange_types import Balance, Currency


@click.command(
    epilog=f"""
    \b
    Examples:
      hallmarket wallet balance
      hallmarket wallet balance --currency btc --json
    {EPILOG_END}"""
)
@click.option("--currency", type=click.Choice(CURRENCIES), help="Only of this currency.")
@exchange_options
def balance(where: tuple[str, str], currency: "Currency | None", as_json: bool) -> int:
    """Show what your wallet holds."""
    import msgspec

    with open_exchange(where) as exchange:
        held = [exchange.wallet.balance(each) for each in ([currency] if currency else CURRENCIES)]
    if as_json:
        print_json({"balances": msgspec.to_builtins(held)})
    else:
        print("\n".join(map(_balance_line, held)))
    return OK


def _balance_line(held: "Balance") -> str:
    rest = f", {money_words(held.available_minor, held.currency)} of it available"
    words = money_words(held.balance_minor, held.currency)
    return f"{NAMES[held.currency]:<8} {words}{rest if held.available_minor != held.balance_minor else ''}"
