"""`hallmarket wallet`: what a wallet holds, what moved in it, and moving it."""

import click

from hallmarket.cli._shared.exchange import EPILOG_END
from hallmarket.cli._shared.lazy_group import LazyGroup, Verb

VERBS = {
    "balance": Verb("balance:balance", "Show what your wallet holds."),
    "history": Verb("history:history", "Show what moved in your wallet, newest first."),
    "buy": Verb("buy:buy", "Buy an asset; asks first."),
    "send": Verb("send:send", "Send somebody money; asks first."),
    "refund": Verb("refund:refund", "Give back what somebody paid you, or a part of it; asks first."),
    "statement": Verb("statement:statement", "Write what moved in a period as CSV, oldest first."),
}


@click.group(
    cls=LazyGroup,
    package=__name__,
    verbs=VERBS,
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
    {EPILOG_END}""",
)
def wallet() -> None:
    """Show your wallet, buy assets, send money and give it back."""
