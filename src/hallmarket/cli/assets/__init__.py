"""`hallmarket assets`: find, fetch, share, sell and delete assets of every type."""

import click

from hallmarket.cli._shared.exchange import EPILOG_END
from hallmarket.cli._shared.lazy_group import LazyGroup, Verb

VERBS = {
    "search": Verb("search:search", "Find assets that you may see."),
    "download": Verb("download:download", "Fetch a file or a post."),
    "share": Verb("share:share", "Give somebody a role on an asset, or take it away."),
    "who": Verb("who:who", "Show who has which role on an asset."),
    "price": Verb("price:price", "Show or change an asset's price and terms."),
    "visibility": Verb("price:visibility", "Say who sees an asset."),
    "delete": Verb("delete:delete", "Delete an asset; asks first."),
}


@click.group(
    cls=LazyGroup,
    package=__name__,
    verbs=VERBS,
    epilog=f"""
    \b
    Examples:
      hallmarket assets search rainfall --type dataset
      hallmarket assets share 0190a3c2-… jane write
      hallmarket assets who 0190a3c2-…
      hallmarket assets price 0190a3c2-… --usd 12.50
      hallmarket assets delete 0190a3c2-… --dry-run
    {EPILOG_END}""",
)
def assets() -> None:
    """Find, fetch, share, sell and delete assets: files, datasets, posts, comments."""
