"""`hallmarket wallet send`: send a user money."""

from typing import TYPE_CHECKING

import click

from hallmarket.cli._shared.amounts import CURRENCIES, PayingCommand, read_argument
from hallmarket.cli._shared.confirm import confirm, need_somebody
from hallmarket.cli._shared.exchange import EPILOG_END, exchange_options, open_exchange, person_words
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.output import money_words, print_json

if TYPE_CHECKING:
    from hallmarket.client.exchange_types import Currency


@click.command(
    cls=PayingCommand,
    epilog=f"""
    \b
    Examples:
      hallmarket wallet send jane 5.00 --currency usd --message "For the photo"
      hallmarket wallet send jane 1200 --currency btc --yes

    WHO is a username or a person's id. All of it reaches them, and it cannot be taken back.
    {EPILOG_END}""",
)
@click.argument("who")
@click.argument("amount")
@click.option("--currency", type=click.Choice(CURRENCIES), required=True, help="What AMOUNT is in.")
@click.option("--message", metavar="TEXT", help="What the recipient is told.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@exchange_options
def send(
    where: tuple[str, str], who: str, amount: str, currency: "Currency", message: str | None, yes: bool, as_json: bool
) -> int:
    """Send somebody money; asks first."""
    import msgspec

    amount_minor = read_argument(amount, currency)
    need_somebody(yes=yes)
    with open_exchange(where) as exchange:
        person = exchange.person(who)
        words = f"{money_words(amount_minor, currency)} to {person_words(person)}"
        if not yes:
            confirm(f"Send {words}?", "nothing is sent")
        sent = exchange.wallet.send(person.user_id, amount_minor, currency, message)
    if as_json:
        print_json(msgspec.to_builtins(sent) | {"username": person.username})
    else:
        print(f"sent {words}, by the transfer {sent.transaction_id}")
    return OK
