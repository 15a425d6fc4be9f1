"""`hallmarket wallet history`: show the movements of a wallet."""

from typing import TYPE_CHECKING

import click

from hallmarket.cli._shared.amounts import CURRENCY_NAMES
from hallmarket.cli._shared.exchange import ServerOptions, exchange_options, open_exchange, paging_options
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.output import format_count, format_money, format_table, print_json, shortened
from hallmarket.cli.wallet.period import period_options

if TYPE_CHECKING:
    from hallmarket.client import Currency, WalletTransaction

TYPES = ("purchase", "sale", "tip", "send", "refund", "credit", "deposit", "payout", "correction")


@click.command(
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket wallet history
          hallmarket wallet history --currency btc --type sale --limit 200
          hallmarket wallet history --since 2027-01-01 --until 2027-02-01 --json
        """
    )
)
@period_options
@click.option("--type", "kind", type=click.Choice(TYPES), help="Only movements of this type.")
@paging_options
@exchange_options
def history(
    server: ServerOptions,
    currency: "Currency",
    since: str | None,
    until: str | None,
    kind: str | None,
    limit: int,
    offset: int,
    as_json: bool,
) -> int:
    """Show the movements of your wallet, newest first."""
    import msgspec

    with open_exchange(server) as exchange:
        filters = {"type": kind, "since": since, "until": until}
        found = list(exchange.wallet.iterate(currency, max_items=limit, offset=offset, **filters))
    if as_json:
        print_json({"transactions": msgspec.to_builtins(found)})
    else:
        print(_table(found) if found else f"nothing moved in {CURRENCY_NAMES[currency]}")
    return OK


def _table(found: "list[WalletTransaction]") -> str:
    amounts = [format_money(each.amount_minor, each.currency) for each in found]
    width = max(map(len, amounts))
    rows = [
        (
            f"{each.created_at[:19]}Z",
            each.type,
            amount.rjust(width),
            each.counterparty and (each.counterparty.username or each.counterparty.user_id),
            shortened(each.asset_name) if each.asset_name else each.asset_id,
            each.message,
        )
        for each, amount in zip(found, amounts, strict=True)
    ]
    lines = format_table(("time", "type", "amount".rjust(width), "with", "asset", "message"), rows)
    return f"{lines}\n{format_count(len(found), 'movement')}"
