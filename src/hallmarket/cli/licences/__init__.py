"""`hallmarket licences`: what you bought and sold, and the proof of it."""

import click

from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.lazy_group import LazyGroup, Verb

VERBS = {
    "list": Verb("list:list_licences", "List your licences, newest first."),
    "show": Verb("show:show", "Show one licence: asset, buyer, seller, price and terms."),
    "proof": Verb("proof:proof", "Save the proof of a licence, which anyone can check without a server."),
}


@click.group(
    cls=LazyGroup,
    package=__name__,
    verbs=VERBS,
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket licences list --role buyer
          hallmarket licences show 0190a3c2-…
          hallmarket licences proof 0190a3c2-… -o licence.json
          hallmarket verify --proof licence.json scan_1944.tif
        """
    ),
)
def licences() -> None:
    """Show what you bought and sold, and save the proof of it."""
