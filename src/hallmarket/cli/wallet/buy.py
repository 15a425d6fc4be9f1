"""`hallmarket wallet buy`: pay for an asset, once."""

import sys
from typing import TYPE_CHECKING
from uuid import UUID

import click

from hallmarket.cli._shared.amounts import CURRENCIES, NAMES, price_words, prices_of
from hallmarket.cli._shared.confirm import confirm, need_somebody
from hallmarket.cli._shared.exchange import EPILOG_END, exchange_options, open_exchange, owner_words
from hallmarket.cli._shared.exit_status import NO, OK, CommandError
from hallmarket.cli._shared.output import money_words, print_json, printable, shortened

if TYPE_CHECKING:
    from hallmarket.client.exchange import Exchange
    from hallmarket.client.exchange_types import Asset, Currency, Purchase

TERMS_LINES = 6


@click.command(
    epilog=f"""
    \b
    Examples:
      hallmarket wallet buy 0190a3c2-…
      hallmarket wallet buy 0190a3c2-… --currency btc --yes

    Shows what it is, what it costs, its terms and what your wallet holds, and asks. What you bought you may read for
    good; the licence is in the log, and can be proved to anyone. It is paid once, whatever happens to the connection
    meanwhile; what you have bought already is said, and not paid again.
    {EPILOG_END}"""
)
@click.argument("asset_id", metavar="ASSET", type=click.UUID)
@click.option("--currency", type=click.Choice(CURRENCIES), help="What to pay in; dollars if it is sold in them.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@exchange_options
def buy(where: tuple[str, str], asset_id: UUID, currency: "Currency | None", yes: bool, as_json: bool) -> int:
    """Buy an asset; asks first."""
    need_somebody(yes=yes, otherwise="; hallmarket assets price ID shows what it costs")
    # Imported here, for it brings httpx: wrong usage needs none.
    from hallmarket.client.errors import AlreadyBought

    with open_exchange(where) as exchange:
        asset, price_minor = exchange.assets.get(str(asset_id)), None
        if not yes:
            if licence_id := _find_licence(exchange, asset.id):
                return _tell_already(asset, licence_id, as_json=as_json)
            currency, price_minor = _ask(exchange, asset, currency)
        try:
            bought = exchange.wallet.buy(asset.id, currency, price_minor=price_minor, asset_type=asset.asset_type)
        except AlreadyBought:
            return _tell_already(asset, _find_licence(exchange, asset.id), as_json=as_json)
    return _tell(asset, bought, as_json=as_json)


def _find_licence(exchange: "Exchange", asset_id: str) -> str | None:
    """The licence under which the caller has bought it, while it holds."""
    found = exchange.licences.list(limit=1, role="buyer", asset_id=asset_id, active=True).data
    return found[0].id if found else None


def _ask(exchange: "Exchange", asset: "Asset", currency: "Currency | None") -> tuple["Currency", int]:
    """Show what is bought on stderr, and ask; what a yes is to: a currency and a price.

    Raises CommandError for a no, and where there is nothing to ask.
    """
    what, prices = _what(asset), prices_of(asset)
    if asset.visibility == "inherit" and asset.parent_id:
        raise CommandError(f"{what} is part of the asset {asset.parent_id}: buy that", NO, "NOT_FOR_SALE")
    first: Currency = next(iter(prices), "usd")
    chosen = currency or first
    on_sale = asset.visibility == "monetized" and bool(prices)
    if not on_sale or chosen not in prices:
        costs = f" in {NAMES[chosen]}; it costs {price_words(asset)}" if on_sale else ""
        raise CommandError(f"{what} is not for sale{costs}", NO, "NOT_FOR_SALE")
    held, amount_minor = exchange.wallet.balance(chosen).available_minor, prices[chosen]
    facts = {
        "seller": owner_words(asset),
        "price": price_words(asset),
        "licence": asset.license_id,
        "terms": _terms(asset),
        "your wallet": money_words(held, chosen),
    }
    lines = [what, *(f"  {name:<12} {fact}" for name, fact in facts.items() if fact)]
    print("\n".join(lines), file=sys.stderr)
    if held < amount_minor:
        missing = money_words(amount_minor - held, chosen)
        raise CommandError(f"your wallet is short of {missing}: nothing is bought", NO, "INSUFFICIENT_FUNDS")
    confirm(f"Buy it for {money_words(amount_minor, chosen)}?", "nothing is bought")
    return chosen, amount_minor


def _terms(asset: "Asset") -> str:
    """The beginning of the licence's text, and how to see the rest."""
    if not asset.license_text:
        return ""
    lines = asset.license_text.splitlines()
    shown = [shortened(line) for line in lines[:TERMS_LINES]]
    if len(lines) > TERMS_LINES or shown != [printable(line) for line in lines]:
        shown.append(f"… of {len(asset.license_text):,} characters; all of it: hallmarket assets price {asset.id}")
    return ("\n" + 15 * " ").join(shown)


def _tell(asset: "Asset", bought: "Purchase", *, as_json: bool) -> int:
    import msgspec

    charge = bought.charge
    if as_json:
        print_json({"already": False, "licence_id": charge.licence_id, **msgspec.to_builtins(bought)})
        return OK
    print(f"bought {_what(asset)} for {money_words(charge.amount, charge.currency)}")
    print(f"  licence  {charge.licence_id}")
    print(f"  proof    hallmarket licences proof {charge.licence_id}")
    return OK


def _tell_already(asset: "Asset", licence_id: str | None, *, as_json: bool) -> int:
    if as_json:
        print_json({"already": True, "licence_id": licence_id, "charge": None, "transfer": None})
        return OK
    print(f"{_what(asset)} is bought already; nothing was paid")
    if licence_id:
        print(f"  licence  {licence_id}\n  proof    hallmarket licences proof {licence_id}")
    return OK


def _what(asset: "Asset") -> str:
    return f"the {asset.asset_type} {shortened(asset.name or '')} ({asset.id})"
