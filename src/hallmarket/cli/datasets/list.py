"""`hallmarket datasets list`: list the datasets that you may see."""

import click

from hallmarket.cli._shared.exchange import (
    EPILOG_END,
    asset_facts,
    asset_table,
    exchange_options,
    find_placement,
    open_exchange,
    paging_options,
)
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.output import print_json


@click.command(
    "list",
    epilog=f"""
    \b
    Examples:
      hallmarket datasets list
      hallmarket datasets list rainfall --scope org --limit 200 --json
    {EPILOG_END}""",
)
@click.argument("words", nargs=-1)
@click.option(
    "--scope",
    type=click.Choice(["all", "personal", "org", "shared", "purchased", "global"]),
    help="Whose: yours, your organization's, shared with you, …",
)
@click.option("--organization", metavar="NAME|ID", help="Only datasets of this organization.")
@click.option("--team", metavar="NAME|ID", help="Only datasets of this team of yours.")
@paging_options
@exchange_options
def list_datasets(
    where: tuple[str, str],
    words: tuple[str, ...],
    scope: str | None,
    organization: str | None,
    team: str | None,
    limit: int,
    offset: int,
    as_json: bool,
) -> int:
    """List datasets that you may see, newest first, or those that WORDS find."""
    with open_exchange(where) as exchange:
        filters = {"asset_type": "dataset"} | find_placement(exchange, organization, team)
        asked = " ".join(words)
        found = list(exchange.assets.iterate(asked, max_items=limit, offset=offset, filters=filters, scope=scope))
    if as_json:
        print_json({"datasets": list(map(asset_facts, found))})
    else:
        print(asset_table(found, "dataset"))
    return OK
