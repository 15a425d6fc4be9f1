"""`hallmarket admin`: the verbs about money."""

from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from hallmarket.cli._shared.amounts import PayingCommand, read_argument
from hallmarket.cli._shared.output import count_words, money_words, printable
from hallmarket.cli.admin._shared import common_options, run_work, tell

if TYPE_CHECKING:
    from hallmarket.client.exchange_types import Currency

_username = click.argument("username")
_amount = click.argument("amount")
_currency = click.option(
    "--currency",
    type=click.Choice(["usd", "btc"]),
    required=True,
    help="dollars, such as 12.50, or whole satoshis",
)
_reason = click.option("--reason", metavar="TEXT", help="why; the person and the audit trail are told")


@click.command(
    "credit",
    cls=PayingCommand,
    epilog='Example: hallmarket admin credit jane 12.50 --currency usd --reason "By cheque"',
)
@_username
@_amount
@_currency
@_reason
@common_options
def credit(username: str, amount: str, currency: str, reason: str | None, **common: Any) -> None:
    """Put money into somebody's wallet."""
    from hallmarket.server.wallet import operator_transfers

    _move(common, operator_transfers.credit, "to", username, amount, currency, reason)


@click.command(
    "payout", cls=PayingCommand, epilog="Example: hallmarket admin payout jane 100 --currency usd --reason TR-4711"
)
@_username
@_amount
@_currency
@_reason
@common_options
def payout(username: str, amount: str, currency: str, reason: str | None, **common: Any) -> None:
    """Take money out of somebody's wallet that has been paid to them outside of this server."""
    from hallmarket.server.wallet import operator_transfers

    _move(common, operator_transfers.payout, "out of the wallet of", username, amount, currency, reason)


@click.command("correct", epilog='Example: hallmarket admin correct 0190a3c2-… --reason "Credited twice"')
@click.argument("transfer_id", type=click.UUID, metavar="TRANSFER_ID")
@click.option("--reason", required=True, metavar="TEXT", help="why; the people concerned and the audit trail are told")
@common_options
def correct(transfer_id: UUID, reason: str, **common: Any) -> None:
    """Take a transfer back by another one; purchases are refunded instead."""
    from hallmarket.server.wallet import operator_transfers

    made = run_work(
        common, lambda connection, _: operator_transfers.correct(connection, transfer_id, reason), on_new=False
    )
    tell(common, {"id": str(made), "corrects": str(transfer_id)}, f"transfer {transfer_id} is taken back by {made}")


@click.command(
    "refund",
    cls=PayingCommand,
    epilog="""
    \b
    Examples:
      hallmarket admin refund 0190a3c2-… --reason "Not theirs to sell"
      hallmarket admin refund 0190a3c2-… 5.00

    The money comes from the seller's wallet, and the platform's fee in proportion. Without AMOUNT all that is left of
    the price goes back, and the licence ends.
    """,
)
@click.argument("licence_id", type=click.UUID, metavar="LICENCE_ID")
@click.argument("amount", required=False)
@_reason
@common_options
def refund(licence_id: UUID, amount: str | None, reason: str | None, **common: Any) -> None:
    """Give back what was paid for an asset, in parts or whole."""
    import msgspec

    from hallmarket.server.purchases.operator_refund import refund_as_operator

    def read(currency: "Currency") -> int | None:
        return None if amount is None else read_argument(amount, currency)

    done = run_work(
        common, lambda connection, _: refund_as_operator(connection, licence_id, read, reason), on_new=False
    )
    gave, left = (money_words(minor, done.currency) for minor in (done.refunded, done.remaining))
    rest = "the licence has ended" if done.ended else f"{left} of the price is left"
    tell(common, msgspec.to_builtins(done), f"{gave} given back; {rest}: transfer {done.id}")


def _move(
    common: dict[str, Any],
    work: Callable[..., Awaitable[UUID]],
    way: str,
    username: str,
    amount: str,
    currency: str,
    reason: str | None,
) -> None:
    kind: Currency = "usd" if currency == "usd" else "btc"
    minor = read_argument(amount, kind)
    made = run_work(common, lambda connection, _: work(connection, username, minor, kind, reason), on_new=False)
    shown = {"id": str(made), "username": username, "currency": currency, "amount": minor}
    tell(common, shown, f"{money_words(minor, kind)} {way} {username}: transfer {made}")


@click.command("audit-money", epilog="Example: hallmarket admin audit-money --json")
@common_options
@click.pass_context
def audit_money(context: click.Context, /, **common: Any) -> None:
    """Recompute all money from its postings, and tell whatever does not agree: then the exit status is 1."""
    import msgspec

    from hallmarket.server.purchases import audit

    found = run_work(common, lambda connection, _: audit.audit_money(connection), on_new=False)
    text = "\n".join(printable(line) for line in _tell_audit(found))
    tell(common, msgspec.to_builtins(found), text)
    context.exit(1 if found.drifts else 0)


def _tell_audit(found: Any) -> Iterator[str]:
    for drift in found.drifts:
        yield f"{drift.about} {drift.id}: {drift.message}"
    for currency, totals in found.totals.items():
        funded, held, fees, paid = (
            money_words(minor, currency) for minor in (totals.funded, totals.people_hold, totals.fees, totals.paid_out)
        )
        yield f"{currency}: {funded} came in; people hold {held}, fees are {fees}, {paid} was paid out"
    counted = count_words(found.transfers, "transfer"), count_words(found.licences, "licence")
    wrong = count_words(len(found.drifts), "drift") if found.drifts else "all is as it must be"
    yield f"{' and '.join(counted)} looked at: {wrong}"
