"""`hallmarket assets`: find, download, share, sell and delete assets of every type."""

import click

from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.lazy_group import LazyGroup, Verb

VERBS = {
    "search": Verb("search:search", "Find assets that you can see."),
    "download": Verb("download:download", "Download a file, or a post as markdown."),
    "share": Verb("share:share", "Give a user a role on an asset, or remove it."),
    "who": Verb("who:who", "Show who has which role on an asset."),
    "price": Verb("price:price", "Show or change an asset's price and terms."),
    "visibility": Verb("visibility:visibility", "Change who can see an asset."),
    "delete": Verb("delete:delete", "Delete an asset, after asking."),
}


@click.group(
    cls=LazyGroup,
    package=__name__,
    verbs=VERBS,
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket assets search rainfall --type dataset
          hallmarket assets share 0190a3c2-… jane write
          hallmarket assets who 0190a3c2-…
          hallmarket assets price 0190a3c2-… --usd 12.50
          hallmarket assets delete 0190a3c2-… --dry-run
        """
    ),
)
def assets() -> None:
    """Find, download, share, sell and delete assets: files, datasets, posts, comments."""
