"""`hallmarket wallet refund`: refund a buyer."""

from typing import TYPE_CHECKING
from uuid import UUID

import click

from hallmarket.cli._shared.amounts import PayingCommand, parse_argument
from hallmarket.cli._shared.confirm import confirm, require_terminal
from hallmarket.cli._shared.exchange import ServerOptions, exchange_options, format_person, open_exchange
from hallmarket.cli._shared.exit_status import FAILED, OK, CommandError
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.output import format_money, print_json, shortened

if TYPE_CHECKING:
    from hallmarket.client import Licence


@click.command(
    cls=PayingCommand,
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket wallet refund 0190a3c2-…
          hallmarket wallet refund 0190a3c2-… 5.00 --reason "One photo was blurred"

        LICENCE is a licence that you sold, or that was sold in an organization that you administer; the money comes
        from the seller's wallet. Without AMOUNT the rest of the price is refunded. A full refund ends the licence, and
        with it the buyer's access. The platform refunds its fee in proportion.
        """
    ),
)
@click.argument("licence_id", metavar="LICENCE", type=click.UUID)
@click.argument("amount", required=False)
@click.option("--reason", metavar="TEXT", help="The reason, which the buyer receives.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@exchange_options
def refund(
    server: ServerOptions, licence_id: UUID, amount: str | None, reason: str | None, yes: bool, as_json: bool
) -> int:
    """Refund a buyer, fully or in part, after asking."""
    import msgspec

    require_terminal(yes=yes)
    with open_exchange(server) as exchange:
        licence = exchange.licences.get(str(licence_id))
        amount_minor = None if amount is None else parse_argument(amount, licence.price.currency)
        if not yes:
            confirm(_question(licence, amount_minor), "nothing is refunded")
        done = exchange.wallet.refund(str(licence_id), amount_minor, reason)
    if as_json:
        print_json(msgspec.to_builtins(done))
        return OK
    refunded, remaining = (format_money(minor, done.currency) for minor in (done.refunded, done.remaining))
    state = "the licence has ended" if done.ended else f"{remaining} of the price remains, and the licence is valid"
    print(f"refunded {refunded} to {format_person(licence.buyer)}; {state}")
    return OK


def _question(licence: "Licence", amount_minor: int | None) -> str:
    """Return the question to confirm; raises CommandError if nothing of the price remains."""
    price, remaining_minor = licence.price, licence.price.amount - licence.refunded
    if not remaining_minor:
        raise CommandError("the whole price was refunded before, and the licence has ended", FAILED, "CONFLICT")
    refund = format_money(remaining_minor if amount_minor is None else amount_minor, price.currency)
    total = format_money(price.amount, price.currency)
    asset = f"the {licence.asset.type} {shortened(licence.asset.name or '')}"
    ends = " and end the licence" if amount_minor in (None, remaining_minor) else ""
    return f"Refund {refund} of {total} to {format_person(licence.buyer)} for {asset}{ends}?"
