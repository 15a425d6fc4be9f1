"""`hallmarket assets who`: show who has which role on an asset."""

from uuid import UUID

import click

from hallmarket.cli._shared.exchange import ServerOptions, exchange_options, open_exchange
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.output import format_table, print_json


@click.command(
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket assets who 0190a3c2-…
          hallmarket assets who 0190a3c2-… --json
        """
    )
)
@click.argument("asset_id", metavar="ID", type=click.UUID)
@exchange_options
def who(server: ServerOptions, asset_id: UUID, as_json: bool) -> int:
    """Show who has which role on an asset, the owner first."""
    import msgspec

    with open_exchange(server) as exchange:
        found = list(exchange.assets.permissions(str(asset_id)))
    if as_json:
        print_json({"permissions": msgspec.to_builtins(found)})
        return OK
    rows = [(one.role, one.user and one.user.username, one.user and one.user.name, one.user_id) for one in found]
    print(format_table(("role", "username", "name", "id"), rows))
    return OK
