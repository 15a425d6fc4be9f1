"""`hallmarket assets who`: show who has which role on an asset."""

from uuid import UUID

import click

from hallmarket.cli._shared.exchange import EPILOG_END, exchange_options, open_exchange
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.output import print_json, table


@click.command(
    "who",
    epilog=f"""
    \b
    Examples:
      hallmarket assets who 0190a3c2-…
      hallmarket assets who 0190a3c2-… --json
    {EPILOG_END}""",
)
@click.argument("asset_id", metavar="ID", type=click.UUID)
@exchange_options
def who(where: tuple[str, str], asset_id: UUID, as_json: bool) -> int:
    """Show who has which role on an asset, its owner first."""
    import msgspec

    with open_exchange(where) as exchange:
        found = list(exchange.assets.permissions(str(asset_id)))
    if as_json:
        print_json({"permissions": msgspec.to_builtins(found)})
        return OK
    people = [(one.role, one.user and one.user.username, one.user and one.user.name, one.user_id) for one in found]
    print(table(("role", "username", "name", "id"), people))
    return OK
