"""What an asset is sold for, in words."""

import asyncpg

from hallmarket.server.wallet.types import Currency, money

BUY = "POST /elements/common/purchase-asset"


def read_prices(row: asyncpg.Record) -> dict[Currency, int]:
    """What an asset costs in each currency it is sold in, dollars first, in minor units."""
    prices: dict[Currency, int] = {}
    if row["price_usd"] is not None:
        prices["usd"] = int(row["price_usd"] * 100)
    if row["price_sats"] is not None:
        prices["btc"] = row["price_sats"]
    return prices


def format_prices(row: asyncpg.Record) -> str | None:
    """The prices of a row, `$12.00 or 2,000 sats`; None for what nobody can buy at this time."""
    if row["monetization"] == "pay-per-use":
        return None
    return " or ".join(money(amount_minor, currency) for currency, amount_minor in read_prices(row).items()) or None


def unlock_message(row: asyncpg.Record, asset_type: str, *, inherits: bool) -> str:
    """What somebody is to do who wants to see more than a listing; `row` is of what must be bought."""
    if inherits:
        wanted = f"Unlock the {row['asset_type']} {row['id']}, which this {asset_type} belongs to, to see what is in it"
    else:
        wanted = f"Unlock this {asset_type} to see what is in it"
    prices = format_prices(row)
    return f"{wanted}: " + (f"it costs {prices} ({BUY})." if prices else "at this time its owner sells it to nobody.")
