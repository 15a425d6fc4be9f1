"""Orders, sales and licences."""

from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.idempotency.claim import Claim
from hallmarket.server.identity.types import WireProfile
from hallmarket.server.principal import Principal
from hallmarket.server.wallet.types import Currency, money


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """One asset that a buyer wants to buy.

    Without a currency the asset is paid for in dollars if it is sold in them, and in bitcoin otherwise.
    """

    buyer: Principal
    asset_id: UUID
    asset_type: str
    currency: Currency | None = None
    expected_minor: int | None = None  # the price that the buyer was shown; the order is refused at any other price
    claim: Claim | None = None  # the claim to the order's idempotency key


class Sale(msgspec.Struct, frozen=True, kw_only=True):
    """One purchase, as its licence records it: everything that the log entry commits to, and the money."""

    id: UUID  # the licence's id
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


def read_sale(row: asyncpg.Record) -> Sale:
    """Return the sale in a licence's row."""
    return Sale(**{name: row[name] for name in Sale.__struct_fields__})


class LicensedAsset(msgspec.Struct, frozen=True):
    """An asset with the name that it had when it was bought. It may be deleted after the licence has ended."""

    id: UUID
    type: str
    name: str | None


class Price(msgspec.Struct, frozen=True):
    """The price that was paid, in cents of `usd` or satoshis of `btc`. `text` is the price for people."""

    amount: int
    currency: str
    text: str


class WireLicence(msgspec.Struct, frozen=True):
    """A licence as its buyer and its seller see it. `fee` and `refunded` are in the price's unit."""

    id: UUID
    asset: LicensedAsset
    asset_id: UUID
    version: int | None  # of a dataset: the version that was current at the purchase
    sha3_512: str | None  # of the file, the post's markdown, or the version's manifest
    size: int | None
    buyer: WireProfile
    seller: WireProfile
    price: Price
    fee: int | None  # the platform's share of the price; only the seller sees it
    license_id: str | None
    license_text: str | None
    transfer_id: UUID
    created_at: datetime
    refunded: int
    ended_at: datetime | None  # when the last of the price was refunded
    status: int  # 2 accepted, 3 anchored, 4 failed, as for media
    leaf_index: int | None  # the entry's position in the log; null until it is anchored
    anchored_at: datetime | None


def wire_licence(row: asyncpg.Record, for_seller: bool) -> WireLicence:
    """Return the licence in a row of `get_licences`."""
    sha3_512: bytes | None = row["content_sha3_512"]
    return WireLicence(
        id=row["id"],
        asset=LicensedAsset(row["asset_id"], row["asset_type"], row["asset_name"]),
        asset_id=row["asset_id"],
        version=row["dataset_version"],
        sha3_512=None if sha3_512 is None else sha3_512.hex(),
        size=row["content_size"],
        buyer=_wire_profile(row, "buyer"),
        seller=_wire_profile(row, "seller"),
        price=Price(row["price_minor"], row["currency"], money(row["price_minor"], row["currency"])),
        fee=row["fee_minor"] if for_seller else None,
        license_id=row["license_id"],
        license_text=row["license_text"],
        transfer_id=row["transfer_id"],
        created_at=row["created_on"],
        refunded=row["refunded_minor"],
        ended_at=row["ended_on"],
        status=row["status"],
        leaf_index=row["leaf_index"],
        anchored_at=row["anchored_on"],
    )


def _wire_profile(row: asyncpg.Record, side: str) -> WireProfile:
    return WireProfile(*(row[f"{side}_{field}"] for field in ("id", "username", "name", "picture", "actor_type")))
