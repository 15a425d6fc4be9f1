"""What somebody may buy, and at what price: decided from what was locked, without touching it."""

import os
from datetime import UTC, datetime
from typing import Literal
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.proof.entry import SALT_BYTES
from hallmarket.server.catalog.pricing import format_prices, read_prices
from hallmarket.server.database.ids import new_id
from hallmarket.server.errors import AlreadyBought, NotForSale, NotFound, PriceChanged
from hallmarket.server.idempotency.types import Claim
from hallmarket.server.principal import Principal
from hallmarket.server.purchases.types import Sale
from hallmarket.server.wallet.transfer import Wallets, require_funds
from hallmarket.server.wallet.types import Currency, money

BASIS_POINTS = 10_000
WORDS: dict[Currency, str] = {"usd": "US dollars", "btc": "bitcoin"}


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants to buy; without a currency in the one it is sold in, dollars first."""

    buyer: Principal
    asset_id: UUID
    asset_type: str
    currency: Currency | None
    expected_minor: int | None  # the price that the buyer was shown, if they say so
    form: Literal["common", "usd", "btc"]  # in whose words it is answered
    claim: Claim | None


class Checkout:
    """Sells to the buyers of one transaction, one after the other, what their wallets can pay."""

    def __init__(self, wallets: Wallets, fee_bps: int) -> None:
        self._left = {place: account.balance_minor for place, account in wallets.items()}
        self._sold = set[tuple[UUID, UUID]]()
        self._fee_bps = fee_bps
        self._now = datetime.now(UTC)

    def sell(self, order: Order, offer: asyncpg.Record | None) -> Sale:
        """A sale to be recorded. Raises NotFound, NotForSale, AlreadyBought, PriceChanged, InsufficientFunds."""
        if offer is None or offer["asset_type"] != order.asset_type:
            raise NotFound(f"There is no such {order.asset_type}.")
        if offer["is_bought"] or (order.buyer.person_id, order.asset_id) in self._sold:
            raise AlreadyBought(f"You have bought this {order.asset_type} already.")
        currency, price_minor = find_price(order, offer)
        if order.expected_minor not in (None, price_minor):
            raise PriceChanged(
                f"This {order.asset_type} costs {money(price_minor, currency)} now.",
                {"currency": currency, "price": price_minor, "expected": order.expected_minor},
            )
        require_funds(self._left[order.buyer.person_id, currency], price_minor, currency)
        self._left[order.buyer.person_id, currency] -= price_minor
        self._sold.add((order.buyer.person_id, order.asset_id))
        return Sale(
            id=new_id(),
            buyer_id=order.buyer.person_id,
            seller_id=offer["owner_id"],
            organization_id=offer["organization_id"],
            asset_id=order.asset_id,
            asset_type=order.asset_type,
            asset_name=offer["name"],
            dataset_version=offer["version"],
            content_sha3_512=offer["sha3_512"],
            content_size=offer["size"],
            license_id=offer["license_id"],
            license_text=offer["license_text"],
            currency=currency,
            price_minor=price_minor,
            fee_minor=price_minor * self._fee_bps // BASIS_POINTS,
            transfer_id=new_id(),
            salt=os.urandom(SALT_BYTES),
            created_on=self._now,
        )


def find_price(order: Order, offer: asyncpg.Record) -> tuple[Currency, int]:
    """The currency and the amount it is sold at to this buyer. Raises NotForSale, saying why it is not."""
    kind = order.asset_type
    if offer["owner_id"] == order.buyer.person_id:
        raise NotForSale(f"This {kind} is yours.", "assetId")
    if offer["visibility"] == "inherit":
        raise NotForSale(f"This {kind} is part of the asset {offer['parent_id']}: buy that.", "assetId")
    if offer["audience"] != "monetized":
        raise NotForSale(f"This {kind} is not for sale.", "assetId")
    if offer["monetization"] == "pay-per-use":
        raise NotForSale(f"This {kind} is paid for by its use; it cannot be bought.", "assetId")
    prices = read_prices(offer)
    if not prices:
        raise NotForSale(f"This {kind} has no price; ask its owner.", "assetId")
    currency = next(iter(prices)) if order.currency is None else order.currency
    if currency not in prices:
        raise NotForSale(f"This {kind} is not sold in {WORDS[currency]}; it costs {format_prices(offer)}.", "currency")
    return currency, prices[currency]
