"""The prices of an asset, as values and in words."""

import asyncpg

from hallmarket.server.wallet.types import Currency, money

PURCHASE_ROUTE = "POST /elements/common/purchase-asset"


def read_prices(row: asyncpg.Record) -> dict[Currency, int]:
    """Return an asset's price in each currency that it is sold in, dollars first, in minor units."""
    prices: dict[Currency, int] = {}
    if row["price_usd"] is not None:
        prices["usd"] = int(row["price_usd"] * 100)
    if row["price_sats"] is not None:
        prices["btc"] = row["price_sats"]
    return prices


def format_prices(row: asyncpg.Record) -> str | None:
    """Return an asset's prices such as `$12.00 or 2,000 sats`; None if it cannot be bought at this time."""
    if row["monetization"] == "pay-per-use":
        return None
    return " or ".join(money(amount_minor, currency) for currency, amount_minor in read_prices(row).items()) or None


def unlock_message(row: asyncpg.Record, asset_type: str, *, inherits: bool) -> str:
    """Return how to get access to an asset that is for sale. `row` is the asset to buy, from which it may inherit."""
    if inherits:
        action = f"Unlock the {row['asset_type']} {row['id']}, which this {asset_type} belongs to, to see what is in it"
    else:
        action = f"Unlock this {asset_type} to see what is in it"
    prices = format_prices(row)
    return f"{action}: " + (f"it costs {prices} ({PURCHASE_ROUTE})." if prices else "its owner does not sell it now.")
