"""`hallmarket assets share`: give a user a role on an asset, or remove it."""

from typing import TYPE_CHECKING
from uuid import UUID

import click

from hallmarket.cli._shared.exchange import ServerOptions, exchange_options, open_exchange
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.output import print_json, printable

if TYPE_CHECKING:
    from hallmarket.client import Role

ROLES = ("read", "write", "admin", "none")


@click.command(
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket assets share 0190a3c2-… jane read
          hallmarket assets share 0190a3c2-… jane none

        WHO is a username or a user's id. The role none removes the user's role.
        """
    )
)
@click.argument("asset_id", metavar="ID", type=click.UUID)
@click.argument("who")
@click.argument("role", type=click.Choice(ROLES))
@exchange_options
def share(server: ServerOptions, asset_id: UUID, who: str, role: "Role", as_json: bool) -> int:
    """Give a user a role on an asset, or remove it."""
    with open_exchange(server) as exchange:
        person = exchange.person(who)
        exchange.assets.share(str(asset_id), person.user_id, role)
    if as_json:
        print_json({"id": str(asset_id), "user_id": person.user_id, "username": person.username, "role": role})
    else:
        name = printable(person.username or person.user_id)
        print(f"{name} now has {'no role' if role == 'none' else f'the role {role}'} on {asset_id}")
    return OK
