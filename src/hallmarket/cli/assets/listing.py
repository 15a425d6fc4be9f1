"""Changing and printing an asset's listing: price, visibility, licence and terms."""

from typing import TYPE_CHECKING, Any

import click

from hallmarket.cli._shared.amounts import format_prices
from hallmarket.cli._shared.exchange import asset_json, find_placement
from hallmarket.cli._shared.exit_status import CommandError
from hallmarket.cli._shared.output import print_json, printable

if TYPE_CHECKING:
    from hallmarket.client import Asset, Exchange

FOR_SALE = {"visibility": "monetized", "monetization": "pay-to-unlock"}
FREE = {"visibility": "public", "monetization": "none", "price_usd": None, "price_sats": None}

team_option = click.option(
    "--team", metavar="NAME|ID", help="Move the asset to this team of its organization, one of yours."
)


def change_listing(exchange: "Exchange", asset: "Asset", fields: dict[str, Any], team: str | None) -> "Asset":
    """Change an asset's fields and, if given, its team; raises CommandError for a comment."""
    if asset.asset_type == "comment":
        raise CommandError("a comment has the visibility of its asset and is not sold separately: name that asset")
    placement = find_placement(exchange, asset.org_id, team) if team else {}
    return exchange.assets.change(asset.id, asset.asset_type, **fields, **placement)


def print_listing(asset: "Asset", *, as_json: bool, with_terms: bool) -> None:
    """Print an asset's price, visibility and licence; the text of its terms only with `with_terms`."""
    if as_json:
        print_json(asset_json(asset))
        return
    fields = {
        "price": _format_price(asset),
        "visibility": asset.visibility,
        "licence": asset.license_id,
        "terms": f"{len(asset.license_text):,} characters" if asset.license_text and not with_terms else None,
    }
    print(f"the {asset.asset_type} {printable(asset.name or '')} ({asset.id})")
    print("\n".join(f"  {name:<11} {printable(value)}" for name, value in fields.items() if value))
    if with_terms and asset.license_text:
        print("\n".join(["", *map(printable, asset.license_text.splitlines())]))


def _format_price(asset: "Asset") -> str:
    prices = format_prices(asset)
    if asset.visibility != "monetized":
        return f"{prices}, but it is not for sale" if prices else "none"
    return prices or "none yet, so it cannot be bought: hallmarket assets price ID --usd AMOUNT"
