"""`hallmarket wallet send`: send a user money."""

from typing import TYPE_CHECKING

import click

from hallmarket.cli._shared.amounts import CURRENCIES, PayingCommand, parse_argument
from hallmarket.cli._shared.confirm import confirm, require_terminal
from hallmarket.cli._shared.exchange import ServerOptions, exchange_options, format_person, open_exchange
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.output import format_money, print_json

if TYPE_CHECKING:
    from hallmarket.client import Currency


@click.command(
    cls=PayingCommand,
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket wallet send jane 5.00 --currency usd --message "For the photo"
          hallmarket wallet send jane 1200 --currency btc --yes

        WHO is a username or a user's id. The recipient receives the whole amount, and you cannot take it back.
        """
    ),
)
@click.argument("who")
@click.argument("amount")
@click.option("--currency", type=click.Choice(CURRENCIES), required=True, help="The currency of AMOUNT.")
@click.option("--message", metavar="TEXT", help="A message to the recipient.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@exchange_options
def send(
    server: ServerOptions,
    who: str,
    amount: str,
    currency: "Currency",
    message: str | None,
    yes: bool,
    as_json: bool,
) -> int:
    """Send a user money, after asking."""
    import msgspec

    amount_minor = parse_argument(amount, currency)
    require_terminal(yes=yes)
    with open_exchange(server) as exchange:
        person = exchange.person(who)
        payment = f"{format_money(amount_minor, currency)} to {format_person(person)}"
        if not yes:
            confirm(f"Send {payment}?", "nothing is sent")
        sent = exchange.wallet.send(person.user_id, amount_minor, currency, message)
    if as_json:
        print_json(msgspec.to_builtins(sent) | {"username": person.username})
    else:
        print(f"sent {payment}, by the transfer {sent.transaction_id}")
    return OK
