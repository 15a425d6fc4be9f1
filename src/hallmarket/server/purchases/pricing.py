"""Decide whether orders can be sold, and at which price. Pure functions of what the transaction has locked and read."""

import os
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from hallmarket.proof.entry import SALT_BYTES
from hallmarket.server.catalog.pricing import format_prices, read_prices
from hallmarket.server.database.ids import new_id
from hallmarket.server.errors import AlreadyBought, DomainError, NotForSale, NotFound, PriceChanged
from hallmarket.server.purchases.types import Order, Sale
from hallmarket.server.wallet.types import Currency, Wallets, money

BASIS_POINTS = 10_000
CURRENCY_NAMES: dict[Currency, str] = {"usd": "US dollars", "btc": "bitcoin"}


def decide_orders(
    orders: Sequence[Order], listings: Sequence[asyncpg.Record | None], wallets: Wallets, fee_bps: int
) -> list[Sale | DomainError]:
    """Decide each order in turn: return its sale, or the error that explains why it is refused.

    `listings` are the rows of `find_listings`, None where the buyer may not know of the asset. An order counts on the
    balance that the earlier orders of its buyer leave.
    """
    accounts = dict(wallets)
    bought = set[tuple[UUID, UUID]]()
    now = datetime.now(UTC)
    outcomes: list[Sale | DomainError] = []
    for order, listing in zip(orders, listings, strict=True):
        buyer_id = order.buyer.person_id
        try:
            if listing is None or listing["asset_type"] != order.asset_type:
                raise NotFound(f"There is no such {order.asset_type}.")
            if listing["is_bought"] or (buyer_id, order.asset_id) in bought:
                raise AlreadyBought(f"You have already bought this {order.asset_type}.")
            currency, price_minor = get_price(order, listing)
            accounts[buyer_id, currency] = accounts[buyer_id, currency].withdraw(price_minor)
        except DomainError as error:
            outcomes.append(error)
        else:
            bought.add((buyer_id, order.asset_id))
            outcomes.append(_make_sale(order, listing, currency, price_minor, fee_bps, now))
    return outcomes


def get_price(order: Order, listing: asyncpg.Record) -> tuple[Currency, int]:
    """Return the currency and the amount that this buyer pays. Raises NotForSale, PriceChanged."""
    kind = order.asset_type
    if listing["owner_id"] == order.buyer.person_id:
        raise NotForSale(f"This {kind} belongs to you.", "assetId")
    if listing["visibility"] == "inherit":
        raise NotForSale(f"This {kind} is part of the asset {listing['parent_id']}. Buy that asset instead.", "assetId")
    if listing["audience"] != "monetized":
        raise NotForSale(f"This {kind} is not for sale.", "assetId")
    if listing["monetization"] == "pay-per-use":
        raise NotForSale(f"This {kind} is paid for per use and cannot be bought.", "assetId")
    prices = read_prices(listing)
    if not prices:
        raise NotForSale(f"This {kind} has no price. Contact its owner.", "assetId")
    currency = next(iter(prices)) if order.currency is None else order.currency
    if currency not in prices:
        message = f"This {kind} is not sold in {CURRENCY_NAMES[currency]}. It costs {format_prices(listing)}."
        raise NotForSale(message, "currency")
    price_minor = prices[currency]
    if order.expected_minor not in (None, price_minor):
        raise PriceChanged(
            f"This {kind} now costs {money(price_minor, currency)}. Send that price to buy it.",
            {"currency": currency, "price": price_minor, "expected": order.expected_minor},
        )
    return currency, price_minor


def _make_sale(
    order: Order, listing: asyncpg.Record, currency: Currency, price_minor: int, fee_bps: int, now: datetime
) -> Sale:
    return Sale(
        id=new_id(),
        buyer_id=order.buyer.person_id,
        seller_id=listing["owner_id"],
        organization_id=listing["organization_id"],
        asset_id=order.asset_id,
        asset_type=order.asset_type,
        asset_name=listing["name"],
        dataset_version=listing["version"],
        content_sha3_512=listing["sha3_512"],
        content_size=listing["size"],
        license_id=listing["license_id"],
        license_text=listing["license_text"],
        currency=currency,
        price_minor=price_minor,
        fee_minor=price_minor * fee_bps // BASIS_POINTS,
        transfer_id=new_id(),
        salt=os.urandom(SALT_BYTES),
        created_on=now,
    )
