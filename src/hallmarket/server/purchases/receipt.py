"""What a buyer is answered: the same sale in the words of each of the three routes."""

from collections.abc import Callable
from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from hallmarket.server.http.exchange import Data
from hallmarket.server.purchases.types import Sale
from hallmarket.server.wallet.types import Currency


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """What the buyer paid, in minor units, and for what; the licence proves it."""

    id: UUID
    amount: int
    currency: Currency
    status: Literal["succeeded"] = "succeeded"
    asset_id: UUID
    asset_type: str
    licence_id: UUID
    created_at: datetime


class SellerTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """What the seller received of it, in minor units, and what the platform kept."""

    id: UUID
    amount: int
    fee: int
    currency: Currency
    status: Literal["completed"] = "completed"
    recipient_id: UUID
    created_at: datetime


class Purchase(msgspec.Struct, frozen=True):
    """The reference's purchase: a charge and a transfer."""

    charge: Charge
    transfer: SellerTransfer


class SatsTransfer(msgspec.Struct, frozen=True):
    """A transfer of satoshis, in the official client's words."""

    id: str
    status: Literal["completed"]
    total_value: int = msgspec.field(name="totalValue")


class SatsPurchase(msgspec.Struct, frozen=True):
    """A purchase in satoshis: what went to the seller, and what to the platform; together they are the price."""

    transfer: SatsTransfer
    platform_fee_transfer: SatsTransfer | None
    platform_fee_sats: int
    licence_id: UUID


class UsdPurchase(msgspec.Struct, frozen=True):
    """A purchase in cents. The fee is inside the price, so the total is the price."""

    transaction_id: UUID
    price_cents: int
    platform_fee_cents: int
    total_cents: int
    licence_id: UUID


def write_receipt(form: Literal["common", "usd", "btc"], sale: Sale) -> bytes:
    """The body of the answer to a purchase."""
    write: dict[str, Callable[[Sale], Purchase | UsdPurchase | SatsPurchase]] = {
        "common": _common,
        "usd": _usd,
        "btc": _sats,
    }
    return msgspec.json.encode(Data(write[form](sale)))


def _common(sale: Sale) -> Purchase:
    charge = Charge(
        id=sale.transfer_id,
        amount=sale.price_minor,
        currency=sale.currency,
        asset_id=sale.asset_id,
        asset_type=sale.asset_type,
        licence_id=sale.id,
        created_at=sale.created_on,
    )
    transfer = SellerTransfer(
        id=sale.transfer_id,
        amount=sale.price_minor - sale.fee_minor,
        fee=sale.fee_minor,
        currency=sale.currency,
        recipient_id=sale.seller_id,
        created_at=sale.created_on,
    )
    return Purchase(charge, transfer)


def _usd(sale: Sale) -> UsdPurchase:
    return UsdPurchase(sale.transfer_id, sale.price_minor, sale.fee_minor, sale.price_minor, sale.id)


def _sats(sale: Sale) -> SatsPurchase:
    def moved(amount_minor: int) -> SatsTransfer:
        return SatsTransfer(str(sale.transfer_id), "completed", amount_minor)

    fee = moved(sale.fee_minor) if sale.fee_minor else None
    return SatsPurchase(moved(sale.price_minor - sale.fee_minor), fee, sale.fee_minor, sale.id)
