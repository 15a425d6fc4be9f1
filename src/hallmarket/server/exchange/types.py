"""Purchases as the rooms know them."""

from datetime import datetime
from uuid import UUID

import msgspec

from hallmarket.server.wallet.types import Currency


class Sale(msgspec.Struct, frozen=True, kw_only=True):
    """One purchase as its licence keeps it: all that the log's entry commits to, and how the money went."""

    id: UUID  # the licence's
    buyer_id: UUID
    seller_id: UUID
    organization_id: UUID | None
    asset_id: UUID
    asset_type: str
    asset_name: str | None
    dataset_version: int | None
    content_sha3_512: bytes | None
    content_size: int | None
    license_id: str | None
    license_text: str | None
    currency: Currency
    price_minor: int
    fee_minor: int
    transfer_id: UUID
    salt: bytes
    created_on: datetime
