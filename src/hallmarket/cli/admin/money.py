"""`hallmarket admin credit`, `payout`, `refund`, `correct` and `audit-money`: money."""

from collections.abc import Awaitable, Callable, Iterator
from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from hallmarket.cli._shared.amounts import CURRENCIES, PayingCommand, parse_argument
from hallmarket.cli._shared.exit_status import FAILED, OK
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.output import format_count, format_money, printable
from hallmarket.cli.admin._shared import common_options, print_result, run_on_database

if TYPE_CHECKING:
    from hallmarket.client import Currency

_username = click.argument("username")
_amount = click.argument("amount")
_currency = click.option(
    "--currency", type=click.Choice(CURRENCIES), required=True, help="AMOUNT in dollars, such as 12.50, or satoshis"
)
_reason = click.option("--reason", metavar="TEXT", help="the reason, which the user and the audit trail receive")


@click.command(
    cls=PayingCommand,
    epilog=epilog(
        """
        \b
        Example:
          hallmarket admin credit jane 12.50 --currency usd --reason "By cheque"
        """
    ),
)
@_username
@_amount
@_currency
@_reason
@common_options
def credit(username: str, amount: str, currency: "Currency", reason: str | None, **common: Any) -> None:
    """Put money into a user's wallet, for example after a payment by cheque."""
    from hallmarket.server.wallet import operator_transfers

    _transfer(common, operator_transfers.credit, "to", username, amount, currency, reason)


@click.command(
    cls=PayingCommand,
    epilog=epilog(
        """
        \b
        Example:
          hallmarket admin payout jane 100 --currency usd --reason TR-4711
        """
    ),
)
@_username
@_amount
@_currency
@_reason
@common_options
def payout(username: str, amount: str, currency: "Currency", reason: str | None, **common: Any) -> None:
    """Take money from a user's wallet that you have paid out elsewhere; this command pays nothing by itself."""
    from hallmarket.server.wallet import operator_transfers

    _transfer(common, operator_transfers.payout, "out of the wallet of", username, amount, currency, reason)


@click.command(
    epilog=epilog(
        """
        \b
        Example:
          hallmarket admin correct 0190a3c2-… --reason "Credited twice"
        """
    )
)
@click.argument("transfer_id", type=click.UUID, metavar="TRANSFER_ID")
@click.option("--reason", required=True, metavar="TEXT", help="the reason, which the users and the audit trail receive")
@common_options
def correct(transfer_id: UUID, reason: str, **common: Any) -> None:
    """Reverse a transfer with a second one; for a purchase use `hallmarket admin refund`."""
    from hallmarket.server.wallet import operator_transfers

    created = run_on_database(
        common, lambda connection, _: operator_transfers.correct(connection, transfer_id, reason), on_new=False
    )
    fields = {"id": str(created), "corrects": str(transfer_id)}
    print_result(common, fields, f"transfer {transfer_id} is reversed by {created}")


@click.command(
    cls=PayingCommand,
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket admin refund 0190a3c2-… --reason "Not theirs to sell"
          hallmarket admin refund 0190a3c2-… 5.00

        The money comes from the seller's wallet, and the platform refunds its fee in proportion. Without AMOUNT the
        rest of the price is refunded, which ends the licence.
        """
    ),
)
@click.argument("licence_id", type=click.UUID, metavar="LICENCE_ID")
@click.argument("amount", required=False)
@_reason
@common_options
def refund(licence_id: UUID, amount: str | None, reason: str | None, **common: Any) -> None:
    """Refund a purchase, fully or in part."""
    import msgspec

    from hallmarket.server.purchases.operator_refund import refund_as_operator

    def parse(currency: "Currency") -> int | None:
        return None if amount is None else parse_argument(amount, currency)

    done = run_on_database(
        common, lambda connection, _: refund_as_operator(connection, licence_id, parse, reason), on_new=False
    )
    refunded, remaining = (format_money(minor, done.currency) for minor in (done.refunded, done.remaining))
    state = "the licence has ended" if done.ended else f"{remaining} of the price remains"
    print_result(common, msgspec.to_builtins(done), f"{refunded} refunded; {state}: transfer {done.id}")


def _transfer(
    common: dict[str, Any],
    operation: Callable[..., Awaitable[UUID]],
    direction: str,
    username: str,
    amount: str,
    currency: "Currency",
    reason: str | None,
) -> None:
    amount_minor = parse_argument(amount, currency)
    created = run_on_database(
        common, lambda connection, _: operation(connection, username, amount_minor, currency, reason), on_new=False
    )
    fields = {"id": str(created), "username": username, "currency": currency, "amount": amount_minor}
    print_result(common, fields, f"{format_money(amount_minor, currency)} {direction} {username}: transfer {created}")


@click.command(
    "audit-money",
    epilog=epilog(
        """
        \b
        Example:
          hallmarket admin audit-money --json
        """
    ),
)
@common_options
@click.pass_context
def audit_money(context: click.Context, /, **common: Any) -> None:
    """Recompute all money from its postings and report what differs; then the exit status is 1."""
    import msgspec

    from hallmarket.server.purchases import audit

    result = run_on_database(common, lambda connection, _: audit.audit_money(connection), on_new=False)
    text = "\n".join(printable(line) for line in _audit_lines(result))
    print_result(common, msgspec.to_builtins(result), text)
    context.exit(FAILED if result.drifts else OK)


def _audit_lines(result: Any) -> Iterator[str]:
    for drift in result.drifts:
        yield f"{drift.about} {drift.id}: {drift.message}"
    for currency, totals in result.totals.items():
        funded, held, fees, paid_out = (
            format_money(minor, currency) for minor in (totals.funded, totals.people_hold, totals.fees, totals.paid_out)
        )
        yield f"{currency}: {funded} came in; people hold {held}, fees are {fees}, {paid_out} was paid out"
    transfers, licences = format_count(result.transfers, "transfer"), format_count(result.licences, "licence")
    outcome = format_count(len(result.drifts), "drift") if result.drifts else "no differences"
    yield f"{transfers} and {licences} checked: {outcome}"
