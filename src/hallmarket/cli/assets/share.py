"""`hallmarket assets share`: give a user a role on an asset, or take it away."""

from typing import TYPE_CHECKING
from uuid import UUID

import click

from hallmarket.cli._shared.exchange import EPILOG_END, exchange_options, open_exchange
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.output import print_json, printable

if TYPE_CHECKING:
    from hallmarket.client.exchange_types import Role

ROLES = ("read", "write", "admin", "none")


@click.command(
    epilog=f"""
    \b
    Examples:
      hallmarket assets share 0190a3c2-… jane read
      hallmarket assets share 0190a3c2-… jane none

    WHO is a username or a person's id. A role holds until it is changed; none takes it away.
    {EPILOG_END}"""
)
@click.argument("asset_id", metavar="ID", type=click.UUID)
@click.argument("who")
@click.argument("role", type=click.Choice(ROLES))
@exchange_options
def share(where: tuple[str, str], asset_id: UUID, who: str, role: "Role", as_json: bool) -> int:
    """Give somebody a role on an asset, or take it away."""
    with open_exchange(where) as exchange:
        person = exchange.person(who)
        exchange.assets.share(str(asset_id), person.user_id, role)
    name = person.username or person.user_id
    if as_json:
        print_json({"id": str(asset_id), "user_id": person.user_id, "username": person.username, "role": role})
    else:
        print(f"{printable(name)} has {'no role' if role == 'none' else f'the role {role}'} on {asset_id} now")
    return OK
