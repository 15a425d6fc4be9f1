"""Response types of the exchange API; times are ISO 8601 strings in UTC."""

from typing import Any, Generic, Literal, TypeVar

import msgspec

Item = TypeVar("Item")
Role = Literal["read", "write", "admin", "none"]
Currency = Literal["usd", "btc"]


class Data(msgspec.Struct, Generic[Item], frozen=True):
    """The envelope of a successful response."""

    data: Item


class Pagination(msgspec.Struct, frozen=True, rename="camel"):
    """The position of a page in its list; `total` is None if the server did not count."""

    offset: int = 0
    limit: int = 0
    total: int | None = None
    has_more: bool = False
    next_cursor: dict[str, Any] | None = None


class Page(msgspec.Struct, Generic[Item], frozen=True):
    """One page of a longer list."""

    data: list[Item]
    pagination: Pagination = Pagination()


class Me(msgspec.Struct, frozen=True):
    """The owner of the API key."""

    id: str
    username: str
    name: str | None = None
    email: str | None = None


class Person(msgspec.Struct, frozen=True):
    """A short user profile."""

    user_id: str
    username: str | None = None
    name: str | None = None


class Organization(msgspec.Struct, frozen=True):
    """An organization; the zero UUID, named "all", is the personal context of every user."""

    id: str
    name: str
    display_name: str | None = None


class Team(msgspec.Struct, frozen=True):
    """A team of an organization."""

    id: str
    name: str | None = None
    org_id: str | None = None


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """An asset; `metadata` and `preview` depend on its type, `role` is the caller's: read, write or admin."""

    id: str
    asset_type: str
    name: str | None = None
    visibility: str
    user_id: str
    org_id: str
    team_id: str
    created_at: str
    last_updated: str
    description: Any = None
    user: Person | None = None
    organization: Organization | None = None
    team: Team | None = None
    parent_id: str | None = None
    license_id: str | None = None
    license_text: str | None = None
    monetization: str = "none"
    price_usd: float | None = None
    price_sats: int | None = None
    metadata: dict[str, Any] = {}
    preview: Any = None
    role: str | None = None


class Upload(msgspec.Struct, frozen=True):
    """Uploaded bytes without an asset; `id` becomes the file's id, `sha3_512` is what the server computed."""

    id: str
    bucket: str
    path: str
    mime_type: str
    file_name: str
    size: int
    sha3_512: str


class AssetRef(msgspec.Struct, frozen=True):
    """A short description of an asset."""

    id: str
    asset_type: str | None = None
    name: str | None = None


class DeleteResult(msgspec.Struct, frozen=True):
    """What was deleted, or, after a dry run, what would be."""

    id: str
    asset_type: str
    name: str | None = None
    deleted_children: list[AssetRef] = []
    dry_run: bool = False


class Permission(msgspec.Struct, frozen=True):
    """A user's role on an asset."""

    id: str
    asset_id: str
    role: str
    user_id: str
    user: Person | None = None
    granter_id: str | None = None
    created_at: str | None = None


class Balance(msgspec.Struct, frozen=True):
    """A wallet's balance in one currency, in minor units; the part that is not available is held."""

    currency: Currency
    balance_minor: int
    available_minor: int


class WalletTransaction(msgspec.Struct, frozen=True, kw_only=True):
    """One movement of a wallet; `amount_minor` is negative if money went out.

    `asset_name` is the asset's name at the time of the sale.
    """

    id: str
    type: str
    currency: Currency
    amount_minor: int
    status: str
    created_at: str
    asset_id: str | None = None
    asset_name: str | None = None
    counterparty: Person | None = None
    message: str | None = None
    fee_minor: int | None = None


class Charge(msgspec.Struct, frozen=True, kw_only=True):
    """What a buyer paid, in minor units, and the licence that proves the purchase."""

    id: str
    amount: int
    currency: Currency
    status: str
    asset_id: str
    asset_type: str | None = None
    licence_id: str
    created_at: str


class SellerTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """What the seller received, and the platform's fee, in minor units."""

    id: str
    amount: int
    fee: int
    currency: Currency
    status: str
    recipient_id: str


class Purchase(msgspec.Struct, frozen=True):
    """A purchase: the buyer's charge and the seller's transfer."""

    charge: Charge
    transfer: SellerTransfer


class Sent(msgspec.Struct, frozen=True):
    """Money that was sent to another user, in minor units."""

    transaction_id: str
    currency: Currency
    amount_minor: int
    recipient_id: str


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """A refund: this amount, the total so far, and what remains of the price, in minor units."""

    id: str
    licence_id: str
    refunded: int
    refunded_total: int
    remaining: int
    ended: bool
    currency: Currency
    created_at: str
