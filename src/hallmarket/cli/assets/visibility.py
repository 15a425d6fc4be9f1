"""`hallmarket assets visibility`: change who can see an asset."""

from uuid import UUID

import click

from hallmarket.cli._shared.exchange import ServerOptions, exchange_options, open_exchange
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.help import epilog
from hallmarket.cli.assets.listing import FOR_SALE, change_listing, print_listing, team_option

VISIBILITIES = ("public", "private", "organization", "monetized", "inherit")


@click.command(
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket assets visibility 0190a3c2-… private
          hallmarket assets visibility 0190a3c2-… public --team gallery

        Users who have bought the asset or have a role on it can still see it. Assets of a team that is internal to its
        organization cannot be public or monetized: --team moves the asset to another team. An asset that belongs to
        another asset may inherit that asset's visibility.
        """
    )
)
@click.argument("asset_id", metavar="ID", type=click.UUID)
@click.argument("visibility", metavar="VISIBILITY", type=click.Choice(VISIBILITIES))
@team_option
@exchange_options
def visibility(server: ServerOptions, asset_id: UUID, visibility: str, team: str | None, as_json: bool) -> int:
    """Make an asset public, private, organization, monetized or inherit."""
    with open_exchange(server) as exchange:
        asset = exchange.assets.get(str(asset_id))
        fields = FOR_SALE if visibility == "monetized" else {"visibility": visibility}
        asset = change_listing(exchange, asset, fields, team)
    print_listing(asset, as_json=as_json, with_terms=False)
    return OK
