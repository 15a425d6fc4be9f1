"""Receipts of a sale, as each of the three purchase routes writes them."""

from datetime import datetime
from typing import Literal
from uuid import UUID

import msgspec

from hallmarket.server.purchases.types import Sale
from hallmarket.server.wallet.types import Currency


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """The amount that the buyer paid, in minor units, and the licence that proves the purchase."""

    id: UUID
    amount: int
    currency: Currency
    status: Literal["succeeded"] = "succeeded"
    asset_id: UUID
    asset_type: str
    licence_id: UUID
    created_at: datetime


class SellerTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """The amount that the seller received, and the fee that the platform kept, in minor units."""

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
    """A transfer of satoshis, with the names that the official client reads."""

    id: str
    status: Literal["completed"]
    total_value: int = msgspec.field(name="totalValue")


class SatsPurchase(msgspec.Struct, frozen=True):
    """A purchase in satoshis: the seller's share and the platform's fee, which together are the price."""

    transfer: SatsTransfer
    platform_fee_transfer: SatsTransfer | None
    platform_fee_sats: int
    licence_id: UUID


class UsdPurchase(msgspec.Struct, frozen=True):
    """A purchase in cents. The fee is included in the price, so the total is the price."""

    transaction_id: UUID
    price_cents: int
    platform_fee_cents: int
    total_cents: int
    licence_id: UUID


def purchase_receipt(sale: Sale) -> Purchase:
    """Write a sale as a charge and a transfer."""
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


def usd_receipt(sale: Sale) -> UsdPurchase:
    """Write a sale in dollars."""
    return UsdPurchase(sale.transfer_id, sale.price_minor, sale.fee_minor, sale.price_minor, sale.id)


def sats_receipt(sale: Sale) -> SatsPurchase:
    """Write a sale in satoshis."""

    def transfer(amount_minor: int) -> SatsTransfer:
        return SatsTransfer(str(sale.transfer_id), "completed", amount_minor)

    fee = transfer(sale.fee_minor) if sale.fee_minor else None
    return SatsPurchase(transfer(sale.price_minor - sale.fee_minor), fee, sale.fee_minor, sale.id)
