"""`hallmarket wallet`: show a wallet, buy assets, send and refund money."""

import click

from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.lazy_group import LazyGroup, Verb

VERBS = {
    "balance": Verb("balance:balance", "Show your wallet's balance."),
    "history": Verb("history:history", "Show the movements of your wallet, newest first."),
    "buy": Verb("buy:buy", "Buy an asset, after asking."),
    "send": Verb("send:send", "Send a user money, after asking."),
    "refund": Verb("refund:refund", "Refund a buyer, fully or in part, after asking."),
    "statement": Verb("statement:statement", "Write the movements of a period as CSV, oldest first."),
}


@click.group(
    cls=LazyGroup,
    package=__name__,
    verbs=VERBS,
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket wallet balance
          hallmarket wallet history --since 2027-01-01
          hallmarket wallet buy 0190a3c2-…
          hallmarket wallet send jane 5.00 --currency usd
          hallmarket wallet statement --since 2027-01-01 --until 2028-01-01 -o 2027.csv

        Amounts are dollars, such as 12.50, or whole satoshis; there is no conversion. The server's operator decides how
        money gets into a wallet.
        """
    ),
)
def wallet() -> None:
    """Show your wallet, buy assets, send and refund money."""
