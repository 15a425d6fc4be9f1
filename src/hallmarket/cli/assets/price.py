"""`hallmarket assets price`: show or change an asset's price and terms."""

from typing import Any
from uuid import UUID

import click

from hallmarket.cli._shared.amounts import Amount, to_dollars
from hallmarket.cli._shared.exchange import ServerOptions, exchange_options, open_exchange
from hallmarket.cli._shared.exit_status import OK
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.options import text_or_file
from hallmarket.cli.assets.listing import FOR_SALE, FREE, change_listing, print_listing, team_option


@click.command(
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket assets price 0190a3c2-…
          hallmarket assets price 0190a3c2-… --usd 12.50 --sats 20000
          hallmarket assets price 0190a3c2-… --sats 0
          hallmarket assets price 0190a3c2-… --license LicenseRef-Press --license-text @terms.txt
          hallmarket assets price 0190a3c2-… --free

        An asset is sold in each currency in which it has a price; there is no conversion, and the price 0 ends the sale
        in a currency. A price puts the asset up for sale: everyone sees the listing, and only buyers and users with a
        role see the content. A licence keeps the price and the terms of the day of its purchase. To end a sale, run
        hallmarket assets visibility ID private. Assets of a team that is internal to its organization cannot be sold:
        --team moves the asset to another team. Without options, price and terms are shown.
        """
    )
)
@click.argument("asset_id", metavar="ID", type=click.UUID)
@click.option("--usd", metavar="AMOUNT", type=Amount("usd", 0), help="Its price in dollars; 0 for none.")
@click.option("--sats", metavar="N", type=Amount("btc", 0), help="Its price in satoshis; 0 for none.")
@click.option(
    "--monetize/--free", default=None, help="Put it up for sale, as a price does; or make it public and free."
)
@click.option("--license", "license_id", metavar="NAME", help="The name of its licence, such as CC-BY-4.0.")
@click.option("--license-text", metavar="TEXT", help="The terms that buyers accept; @FILE reads a file.")
@team_option
@exchange_options
def price(server: ServerOptions, asset_id: UUID, team: str | None, as_json: bool, **options: Any) -> int:
    """Show or change an asset's price and terms."""
    fields = _listing_fields(options)
    with open_exchange(server) as exchange:
        asset = exchange.assets.get(str(asset_id))
        if fields or team:
            asset = change_listing(exchange, asset, fields, team)
    print_listing(asset, as_json=as_json, with_terms=not fields)
    return OK


def _listing_fields(options: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of the asset that the options change."""
    has_price = options["usd"] or options["sats"]
    if options["monetize"] is False and has_price:
        raise click.UsageError("--free and a price exclude each other")
    fields = {
        "price_usd": None if options["usd"] is None else to_dollars(options["usd"]),
        "price_sats": options["sats"],
        "license_id": options["license_id"],
        "license_text": text_or_file(options["license_text"], "--license-text"),
    }
    fields = {name: value for name, value in fields.items() if value is not None}
    if options["monetize"] is False:
        return fields | FREE
    return fields | (FOR_SALE if options["monetize"] or has_price else {})
