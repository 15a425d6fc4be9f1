"""`hallmarket wallet`: what a wallet holds, what moved in it, and moving it."""

from typing import TYPE_CHECKING, Any

import click

from hallmarket.cli.amounts import CURRENCIES, NAMES
from hallmarket.cli.exchanging import EPILOG_END, exchange_options, open_exchange, paging_options
from hallmarket.cli.exits import OK
from hallmarket.cli.local import write_whole
from hallmarket.cli.options import read_time
from hallmarket.cli.output import count_words, money_words, print_json, printable, shortened, table
from hallmarket.cli.wallet_buy import buy
from hallmarket.cli.wallet_give import refund, send

if TYPE_CHECKING:
    from hallmarket.client.exchange_types import Balance, Currency, Transaction

TYPES = ("purchase", "sale", "tip", "send", "refund", "credit", "deposit", "payout", "correction")


@click.group(
    epilog=f"""
    \b
    Examples:
      hallmarket wallet balance
      hallmarket wallet history --since 2027-01-01
      hallmarket wallet buy 0190a3c2-…
      hallmarket wallet send jane 5.00 --currency usd
      hallmarket wallet statement --since 2027-01-01 --until 2028-01-01 -o 2027.csv

    Amounts are dollars, such as 12.50, or whole satoshis; nothing is converted. How money gets into a wallet is up to
    whoever runs the server.
    {EPILOG_END}"""
)
def wallet() -> None:
    """Show your wallet, buy assets, send money and give it back."""


for verb in (buy, send, refund):
    wallet.add_command(verb)


def period_options(command: Any) -> Any:
    """Add --currency, --since and --until."""
    command = click.option(
        "--until", metavar="TIME", callback=lambda _, __, text: _time(text, "--until"), help="Only before then."
    )(command)
    command = click.option(
        "--since",
        metavar="TIME",
        callback=lambda _, __, text: _time(text, "--since"),
        help="Only from then on: ISO 8601, such as 2027-01-01, in UTC unless it says otherwise.",
    )(command)
    return click.option(
        "--currency", type=click.Choice(CURRENCIES), default="usd", show_default=True, help="Of this currency."
    )(command)


def _time(text: str | None, option: str) -> str | None:
    return None if text is None else read_time(text, option).isoformat()


@wallet.command(
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


@wallet.command(
    epilog=f"""
    \b
    Examples:
      hallmarket wallet history
      hallmarket wallet history --currency btc --type sale --limit 200
      hallmarket wallet history --since 2027-01-01 --until 2027-02-01 --json
    {EPILOG_END}"""
)
@period_options
@click.option("--type", "kind", type=click.Choice(TYPES), help="Only movements of this type.")
@paging_options
@exchange_options
def history(
    where: tuple[str, str],
    currency: "Currency",
    since: str | None,
    until: str | None,
    kind: str | None,
    limit: int,
    offset: int,
    as_json: bool,
) -> int:
    """Show what moved in your wallet, newest first."""
    import msgspec

    with open_exchange(where) as exchange:
        filters = {"type": kind, "since": since, "until": until}
        found = list(exchange.wallet.iterate(currency, max_items=limit, offset=offset, **filters))
    if as_json:
        print_json({"transactions": msgspec.to_builtins(found)})
    else:
        print(_history_table(found) if found else f"nothing moved in {NAMES[currency]}")
    return OK


@wallet.command(
    epilog=f"""
    \b
    Examples:
      hallmarket wallet statement --since 2027-01-01 --until 2028-01-01 -o 2027.csv
      hallmarket wallet statement --currency btc > all.csv
    {EPILOG_END}"""
)
@period_options
@click.option("--output", "-o", metavar="FILE", default="-", help="Where to; standard output unless given.")
@exchange_options
def statement(
    where: tuple[str, str], currency: "Currency", since: str | None, until: str | None, output: str, as_json: bool
) -> int:
    """Write what moved in a period as CSV, oldest first."""
    if as_json and output == "-":
        raise click.UsageError("a statement is CSV: with --json name the file it goes to by --output")
    with open_exchange(where) as exchange, exchange.wallet.statement(currency, since, until) as pieces:
        write_whole(output, pieces)
    if as_json:
        print_json({"output": printable(output), "currency": currency, "since": since, "until": until})
    return OK


def _balance_line(held: "Balance") -> str:
    rest = f", {money_words(held.available_minor, held.currency)} of it available"
    words = money_words(held.balance_minor, held.currency)
    return f"{NAMES[held.currency]:<8} {words}{rest if held.available_minor != held.balance_minor else ''}"


def _history_table(found: "list[Transaction]") -> str:
    amounts = [money_words(each.amount_minor, each.currency) for each in found]
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
    lines = table(("time", "type", "amount".rjust(width), "with", "asset", "message"), rows)
    return f"{lines}\n{count_words(len(found), 'movement')}"
