"""`hallmarket datasets list`: list the datasets that you can see."""

import click

from hallmarket.cli._shared.exchange import (
    ServerOptions,
    asset_json,
    asset_table,
    exchange_options,
    find_placement,
    open_exchange,
    paging_options,
)
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.output import print_json


@click.command(
    "list",
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket datasets list
          hallmarket datasets list rainfall --scope org --limit 200 --json
        """
    ),
)
@click.argument("words", nargs=-1)
@click.option(
    "--scope",
    type=click.Choice(["all", "personal", "org", "shared", "purchased", "global"]),
    help="Only your own, your organization's, those shared with you, …",
)
@click.option("--organization", metavar="NAME|ID", help="Only datasets of this organization.")
@click.option("--team", metavar="NAME|ID", help="Only datasets of this team of yours.")
@paging_options
@exchange_options
def list_datasets(
    server: ServerOptions,
    words: tuple[str, ...],
    scope: str | None,
    organization: str | None,
    team: str | None,
    limit: int,
    offset: int,
    as_json: bool,
) -> int:
    """List the datasets that you can see, newest first, or those that match WORDS."""
    with open_exchange(server) as exchange:
        filters = {"asset_type": "dataset"} | find_placement(exchange, organization, team)
        query = " ".join(words)
        found = list(exchange.assets.iterate(query, max_items=limit, offset=offset, filters=filters, scope=scope))
    if as_json:
        print_json({"datasets": list(map(asset_json, found))})
    else:
        print(asset_table(found, "dataset"))
    return OK
