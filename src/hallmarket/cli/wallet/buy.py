"""`hallmarket wallet buy`: buy an asset."""

import sys
from typing import TYPE_CHECKING
from uuid import UUID

import click

from hallmarket.cli._shared.amounts import CURRENCIES, CURRENCY_NAMES, format_prices, prices_of
from hallmarket.cli._shared.confirm import confirm, require_terminal
from hallmarket.cli._shared.exchange import ServerOptions, exchange_options, open_exchange, owner_name
from hallmarket.cli._shared.exit_status import FAILED, OK, CommandError
from hallmarket.cli._shared.help import epilog
from hallmarket.cli._shared.output import format_money, print_json, printable, shortened

if TYPE_CHECKING:
    from hallmarket.client import Asset, Currency, Exchange, Purchase

MAX_TERMS_LINES = 6


@click.command(
    epilog=epilog(
        """
        \b
        Examples:
          hallmarket wallet buy 0190a3c2-…
          hallmarket wallet buy 0190a3c2-… --currency btc --yes

        Shows the asset, its price, its terms and your wallet's balance, and asks. You keep access to what you bought;
        the licence is in the log, and you can prove it to anyone. You pay once, even if the connection breaks. An asset
        that you have bought already is reported and not paid again.
        """
    )
)
@click.argument("asset_id", metavar="ASSET", type=click.UUID)
@click.option("--currency", type=click.Choice(CURRENCIES), help="What to pay in; by default dollars if possible.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@exchange_options
def buy(server: ServerOptions, asset_id: UUID, currency: "Currency | None", yes: bool, as_json: bool) -> int:
    """Buy an asset, after asking."""
    require_terminal(yes=yes, hint="; hallmarket assets price ID shows the price")
    from hallmarket.client import AlreadyBought

    with open_exchange(server) as exchange:
        asset, price_minor = exchange.assets.get(str(asset_id)), None
        if not yes:
            if licence_id := _find_licence(exchange, asset.id):
                return _print_already_bought(asset, licence_id, as_json=as_json)
            currency, price_minor = _confirm_price(exchange, asset, currency)
        try:
            purchase = exchange.wallet.buy(asset.id, currency, price_minor=price_minor, asset_type=asset.asset_type)
        except AlreadyBought:
            return _print_already_bought(asset, _find_licence(exchange, asset.id), as_json=as_json)
    return _print_purchase(asset, purchase, as_json=as_json)


def _find_licence(exchange: "Exchange", asset_id: str) -> str | None:
    """Return the id of the caller's active licence of an asset, or None."""
    found = exchange.licences.list(limit=1, role="buyer", asset_id=asset_id, active=True).data
    return found[0].id if found else None


def _confirm_price(exchange: "Exchange", asset: "Asset", currency: "Currency | None") -> tuple["Currency", int]:
    """Show the asset and its price on stderr and ask; returns the confirmed currency and price in minor units.

    Raises CommandError for a no, if the asset is not for sale, and if the wallet does not hold enough.
    """
    description, prices = _describe(asset), prices_of(asset)
    if asset.visibility == "inherit" and asset.parent_id:
        message = f"{description} is part of the asset {asset.parent_id}: buy that asset"
        raise CommandError(message, FAILED, "NOT_FOR_SALE")
    default: Currency = next(iter(prices), "usd")
    chosen = currency or default
    is_for_sale = asset.visibility == "monetized" and bool(prices)
    if not is_for_sale or chosen not in prices:
        other = f" in {CURRENCY_NAMES[chosen]}; it costs {format_prices(asset)}" if is_for_sale else ""
        raise CommandError(f"{description} is not for sale{other}", FAILED, "NOT_FOR_SALE")
    available_minor, price_minor = exchange.wallet.balance(chosen).available_minor, prices[chosen]
    fields = {
        "seller": owner_name(asset),
        "price": format_prices(asset),
        "licence": asset.license_id,
        "terms": _format_terms(asset),
        "your wallet": format_money(available_minor, chosen),
    }
    lines = [description, *(f"  {name:<12} {value}" for name, value in fields.items() if value)]
    print("\n".join(lines), file=sys.stderr)
    if available_minor < price_minor:
        missing = format_money(price_minor - available_minor, chosen)
        raise CommandError(f"your wallet is short of {missing}: nothing is bought", FAILED, "INSUFFICIENT_FUNDS")
    confirm(f"Buy it for {format_money(price_minor, chosen)}?", "nothing is bought")
    return chosen, price_minor


def _format_terms(asset: "Asset") -> str:
    """Return the first lines of the licence's text, and how to see the rest."""
    if not asset.license_text:
        return ""
    lines = asset.license_text.splitlines()
    shown = [shortened(line) for line in lines[:MAX_TERMS_LINES]]
    if len(lines) > MAX_TERMS_LINES or shown != [printable(line) for line in lines]:
        shown.append(f"… of {len(asset.license_text):,} characters; all of it: hallmarket assets price {asset.id}")
    return ("\n" + 15 * " ").join(shown)


def _print_purchase(asset: "Asset", purchase: "Purchase", *, as_json: bool) -> int:
    import msgspec

    charge = purchase.charge
    if as_json:
        print_json({"already": False, "licence_id": charge.licence_id, **msgspec.to_builtins(purchase)})
        return OK
    print(f"bought {_describe(asset)} for {format_money(charge.amount, charge.currency)}")
    print(f"  licence  {charge.licence_id}")
    print(f"  proof    hallmarket licences proof {charge.licence_id}")
    return OK


def _print_already_bought(asset: "Asset", licence_id: str | None, *, as_json: bool) -> int:
    if as_json:
        print_json({"already": True, "licence_id": licence_id, "charge": None, "transfer": None})
        return OK
    print(f"{_describe(asset)} is bought already; nothing was paid")
    if licence_id:
        print(f"  licence  {licence_id}\n  proof    hallmarket licences proof {licence_id}")
    return OK


def _describe(asset: "Asset") -> str:
    return f"the {asset.asset_type} {shortened(asset.name or '')} ({asset.id})"
