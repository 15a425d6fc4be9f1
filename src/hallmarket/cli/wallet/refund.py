"""`hallmarket wallet refund`: give back what a buyer paid."""

from typing import TYPE_CHECKING
from uuid import UUID

import click

from hallmarket.cli._shared.amounts import PayingCommand, read_argument
from hallmarket.cli._shared.confirm import confirm, need_somebody
from hallmarket.cli._shared.exchange import EPILOG_END, exchange_options, open_exchange, person_words
from hallmarket.cli._shared.exit_status import NO, OK, CommandError
from hallmarket.cli._shared.output import money_words, print_json, shortened

if TYPE_CHECKING:
    from hallmarket.client.licences import Licence


@click.command(
    cls=PayingCommand,
    epilog=f"""
    \b
    Examples:
      hallmarket wallet refund 0190a3c2-…
      hallmarket wallet refund 0190a3c2-… 5.00 --reason "One photo was blurred"

    The licence is one of those you sold, or that somebody sold in an organization you administer; the money is the
    seller's. Without AMOUNT all that is left of its price goes back; when all of it has, the licence ends, and what
    could be read by it is read no more. The platform gives its fee back in proportion.
    {EPILOG_END}""",
)
@click.argument("licence_id", metavar="LICENCE", type=click.UUID)
@click.argument("amount", required=False)
@click.option("--reason", metavar="TEXT", help="What the buyer is told.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@exchange_options
def refund(
    where: tuple[str, str], licence_id: UUID, amount: str | None, reason: str | None, yes: bool, as_json: bool
) -> int:
    """Give back what somebody paid you, or a part of it; asks first."""
    import msgspec

    need_somebody(yes=yes)
    with open_exchange(where) as exchange:
        licence = exchange.licences.get(str(licence_id))
        amount_minor = None if amount is None else read_argument(amount, licence.price.currency)
        if not yes:
            confirm(_question(licence, amount_minor), "nothing is given back")
        done = exchange.wallet.refund(str(licence_id), amount_minor, reason)
    if as_json:
        print_json(msgspec.to_builtins(done))
        return OK
    gave, left = (money_words(minor, done.currency) for minor in (done.refunded, done.remaining))
    rest = "the licence has ended" if done.ended else f"{left} of the price is left, and the licence holds"
    print(f"gave {gave} back to {person_words(licence.buyer)}; {rest}")
    return OK


def _question(licence: "Licence", amount_minor: int | None) -> str:
    """What is about to be given back; raises CommandError where nothing is left."""
    price, left_minor = licence.price, licence.price.amount - licence.refunded
    if not left_minor:
        raise CommandError("all of its price was given back before: the licence has ended", NO, "CONFLICT")
    gives = money_words(left_minor if amount_minor is None else amount_minor, price.currency)
    ends = amount_minor in (None, left_minor)
    asset = f"the {licence.asset.type} {shortened(licence.asset.name or '')}"
    gives += f" of {money_words(price.amount, price.currency)}"
    return f"Give {gives} back to {person_words(licence.buyer)} for {asset}{' and end the licence' if ends else ''}?"
