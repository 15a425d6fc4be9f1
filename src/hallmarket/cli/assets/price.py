"""`hallmarket assets price` and `hallmarket assets visibility`: what an asset costs, under which terms, who sees it."""

from typing import TYPE_CHECKING, Any
from uuid import UUID

import click

from hallmarket.cli._shared.amounts import Amount, dollars, price_words
from hallmarket.cli._shared.exchange import EPILOG_END, asset_facts, exchange_options, find_placement, open_exchange
from hallmarket.cli._shared.exit_status import OK, CommandError
from hallmarket.cli._shared.options import text_or_file
from hallmarket.cli._shared.output import print_json, printable

if TYPE_CHECKING:
    from hallmarket.client.exchange import Exchange
    from hallmarket.client.exchange_types import Asset

VISIBILITIES = ("public", "private", "organization", "monetized", "inherit")
ON_SALE = {"visibility": "monetized", "monetization": "pay-to-unlock"}
GIVEN_AWAY = {"visibility": "public", "monetization": "none", "price_usd": None, "price_sats": None}

team_option = click.option("--team", metavar="NAME|ID", help="Move it to this team of its organization, one of yours.")


@click.command(
    epilog=f"""
    \b
    Examples:
      hallmarket assets price 0190a3c2-…
      hallmarket assets price 0190a3c2-… --usd 12.50 --sats 20000
      hallmarket assets price 0190a3c2-… --sats 0
      hallmarket assets price 0190a3c2-… --license LicenseRef-Press --license-text @terms.txt
      hallmarket assets price 0190a3c2-… --free

    It is sold in each currency in which it has a price; nothing is converted, and 0 ends the sale in one. A price puts
    it on sale: everybody sees that it is there, and only who bought it, or was given a role, what is in it. A licence
    that was bought keeps the price and the terms of its day. To end a sale: hallmarket assets visibility ID private.
    In a team that is internal to its organization nothing is sold: --team moves it to another. Without options it shows
    price and terms.
    {EPILOG_END}"""
)
@click.argument("asset_id", metavar="ID", type=click.UUID)
@click.option("--usd", metavar="AMOUNT", type=Amount("usd", 0), help="Its price in dollars; 0 for none.")
@click.option("--sats", metavar="N", type=Amount("btc", 0), help="Its price in satoshis; 0 for none.")
@click.option("--monetize/--free", default=None, help="Put it on sale, as a price does; or give it away to everybody.")
@click.option("--license", "license_id", metavar="NAME", help="Its licence's name, such as CC-BY-4.0.")
@click.option("--license-text", metavar="TEXT", help="The terms that a buyer accepts; @FILE reads a file.")
@team_option
@exchange_options
def price(where: tuple[str, str], asset_id: UUID, team: str | None, as_json: bool, **said: Any) -> int:
    """Show or change an asset's price and terms."""
    fields = _fields(said)
    with open_exchange(where) as exchange:
        asset = exchange.assets.get(str(asset_id))
        if fields or team:
            asset = _change(exchange, asset, fields, team)
    _tell(asset, as_json=as_json, with_terms=not fields)
    return OK


@click.command(
    epilog=f"""
    \b
    Examples:
      hallmarket assets visibility 0190a3c2-… private
      hallmarket assets visibility 0190a3c2-… public --team gallery

    Who has bought it, or was given a role, keeps seeing it. In a team that is internal to its organization nothing is
    public or monetized: --team moves it to another. What stands in another asset may also inherit.
    {EPILOG_END}"""
)
@click.argument("asset_id", metavar="ID", type=click.UUID)
@click.argument("visibility", metavar="VISIBILITY", type=click.Choice(VISIBILITIES))
@team_option
@exchange_options
def visibility(where: tuple[str, str], asset_id: UUID, visibility: str, team: str | None, as_json: bool) -> int:
    """Make an asset public, private, organization, monetized or inherit: say who sees it."""
    with open_exchange(where) as exchange:
        asset = exchange.assets.get(str(asset_id))
        fields = ON_SALE if visibility == "monetized" else {"visibility": visibility}
        asset = _change(exchange, asset, fields, team)
    _tell(asset, as_json=as_json, with_terms=False)
    return OK


def _fields(said: dict[str, Any]) -> dict[str, Any]:
    """What the options say, as the wire has it."""
    if said["monetize"] is False and (said["usd"] or said["sats"]):
        raise click.UsageError("--free and a price are two different things: say one of them")
    fields = {
        "price_usd": None if said["usd"] is None else dollars(said["usd"]),
        "price_sats": said["sats"],
        "license_id": said["license_id"],
        "license_text": text_or_file(said["license_text"], "--license-text"),
    }
    fields = {name: value for name, value in fields.items() if value is not None}
    if said["monetize"] is False:
        return fields | GIVEN_AWAY
    return fields | (ON_SALE if said["monetize"] or said["usd"] or said["sats"] else {})


def _change(exchange: "Exchange", asset: "Asset", fields: dict[str, Any], team: str | None) -> "Asset":
    if asset.asset_type == "comment":
        raise CommandError("a comment is seen as what it is about, and not sold by itself: name that")
    place = find_placement(exchange, asset.org_id, team) if team else {}
    return exchange.assets.change(asset.id, asset.asset_type, **fields, **place)


def _tell(asset: "Asset", *, as_json: bool, with_terms: bool) -> None:
    if as_json:
        print_json(asset_facts(asset))
        return
    facts = {
        "price": _price(asset),
        "visibility": asset.visibility,
        "licence": asset.license_id,
        "terms": f"{len(asset.license_text):,} characters" if asset.license_text and not with_terms else None,
    }
    print(f"the {asset.asset_type} {printable(asset.name or '')} ({asset.id})")
    print("\n".join(f"  {name:<11} {printable(fact)}" for name, fact in facts.items() if fact))
    if with_terms and asset.license_text:
        print("\n".join(["", *map(printable, asset.license_text.splitlines())]))


def _price(asset: "Asset") -> str:
    words = price_words(asset)
    if asset.visibility != "monetized":
        return f"{words}, but it is not on sale" if words else "none"
    return words or "none yet, so nobody can buy it: hallmarket assets price ID --usd AMOUNT"
