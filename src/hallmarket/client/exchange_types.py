"""What goes over the wire of the exchange dialect, as frozen Structs; times are ISO 8601 texts in UTC."""

from typing import Any, Generic, Literal, TypeVar

import msgspec

Item = TypeVar("Item")
Role = Literal["read", "write", "admin", "none"]
Currency = Literal["usd", "btc"]


class Data(msgspec.Struct, Generic[Item], frozen=True):
    """A successful answer."""

    data: Item


class Pagination(msgspec.Struct, frozen=True, rename="camel"):
    """Where a page stands; `total` is None where nobody counted."""

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
    """Whose token it is."""

    id: str
    username: str
    name: str | None = None
    email: str | None = None


class Person(msgspec.Struct, frozen=True):
    """Somebody's profile, in short."""

    user_id: str
    username: str | None = None
    name: str | None = None


class Organization(msgspec.Struct, frozen=True):
    """An organization; the zero UUID, "all", is everybody's personal context."""

    id: str
    name: str
    display_name: str | None = None


class Team(msgspec.Struct, frozen=True):
    """A team of an organization."""

    id: str
    name: str | None = None
    org_id: str | None = None


class Asset(msgspec.Struct, frozen=True, kw_only=True):
    """An asset; `metadata` and `preview` are its type's, `role` is the caller's: read, write or admin."""

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


class AssetRef(msgspec.Struct, frozen=True):
    """An asset in short."""

    id: str
    asset_type: str | None = None
    name: str | None = None


class DeleteResult(msgspec.Struct, frozen=True):
    """What was deleted, or would be."""

    id: str
    asset_type: str
    name: str | None = None
    deleted_children: list[AssetRef] = []
    dry_run: bool = False


class Permission(msgspec.Struct, frozen=True):
    """Somebody's role on an asset."""

    id: str
    asset_id: str
    role: str
    user_id: str
    user: Person | None = None
    granter_id: str | None = None
    created_at: str | None = None


class Balance(msgspec.Struct, frozen=True):
    """What a wallet holds in one currency, in minor units; what is not available is held back."""

    currency: Currency
    balance_minor: int
    available_minor: int


class Transaction(msgspec.Struct, frozen=True, kw_only=True):
    """One movement as the wallet's owner saw it: `amount_minor` is below zero where money went out.

    `asset_name` is the name that an asset was sold under.
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
    """What a buyer paid, in minor units, and the licence that proves it."""

    id: str
    amount: int
    currency: Currency
    status: str
    asset_id: str
    asset_type: str | None = None
    licence_id: str
    created_at: str


class SellerTransfer(msgspec.Struct, frozen=True, kw_only=True):
    """What the seller received of a charge, and what the platform kept, in minor units."""

    id: str
    amount: int
    fee: int
    currency: Currency
    status: str
    recipient_id: str


class Purchase(msgspec.Struct, frozen=True):
    """A purchase: what was charged, and what became of it."""

    charge: Charge
    transfer: SellerTransfer


class Sent(msgspec.Struct, frozen=True):
    """Money that was given to somebody, in minor units."""

    transaction_id: str
    currency: Currency
    amount_minor: int
    recipient_id: str


class Refund(msgspec.Struct, frozen=True, kw_only=True):
    """What was given back now and altogether, and what is left of the price, in minor units."""

    id: str
    licence_id: str
    refunded: int
    refunded_total: int
    remaining: int
    ended: bool
    currency: Currency
    created_at: str
