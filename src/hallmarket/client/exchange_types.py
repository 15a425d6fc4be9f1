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
