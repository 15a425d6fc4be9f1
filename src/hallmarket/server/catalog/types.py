"""Types of assets: request fields, access, and how the API shows assets and permissions."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import asyncpg
import msgspec
from msgspec import UNSET, UnsetType

from hallmarket.server.identity.types import WireProfile
from hallmarket.server.principal import PERSONAL_CONTEXT
from hallmarket.server.rich_text.types import Markdown, RichText
from hallmarket.server.wallet.types import MAX_AMOUNT_MINOR

AssetType = Literal["dataset", "file", "post", "comment"]
Visibility = Literal["public", "private", "organization", "monetized", "inherit"]
Role = Literal["read", "write", "admin"]
Source = Literal["web", "api"]
Originality = Literal["original", "derivative", "third-party"]
Relation = Literal["IsSupplementTo", "IsDerivedFrom", "References", "IsVariantFormOf", "IsIdenticalTo"]
# The results of the database function `asset_role`.
UNKNOWN, LISTED, READ, WRITE, ADMIN = -1, 0, 1, 2, 3
ROLES: dict[Role, int] = {"read": READ, "write": WRITE, "admin": ADMIN}
PERSONAL_CONTEXT_NAME = "all"  # the personal context, where an organization is shown

Name = Annotated[str, msgspec.Meta(max_length=1024)]
Word = Annotated[str, msgspec.Meta(max_length=200)]
Link = Annotated[str, msgspec.Meta(max_length=2048)]
LicenceText = Annotated[str, msgspec.Meta(max_length=20_000)]
Dollars = Annotated[float, msgspec.Meta(ge=0, lt=1e11)]
Sats = Annotated[int, msgspec.Meta(ge=0, le=MAX_AMOUNT_MINOR)]


class Citation(msgspec.Struct, frozen=True, omit_defaults=True):
    """How to cite a work."""

    doi: Link | None = None
    title: Name | None = None
    authors: list[Name] | None = None
    year: int | None = None
    venue: Name | None = None
    url: Link | None = None
    bibtex: Annotated[str, msgspec.Meta(max_length=20_000)] | None = None
    source: Word | None = None


class Attribution(msgspec.Struct, frozen=True, omit_defaults=True):
    """The authorship and origin of a work. Unset fields do not change."""

    originality: Originality | UnsetType = UNSET
    github_url: Link | UnsetType | None = UNSET
    paper_url: Link | UnsetType | None = UNSET
    doi_url: Link | UnsetType | None = UNSET
    external_url: Link | UnsetType | None = UNSET
    doi: Link | UnsetType | None = UNSET
    relation_type: Relation | UnsetType | None = UNSET
    citation: Citation | UnsetType | None = UNSET


class AssetFields(msgspec.Struct, frozen=True):
    """The fields of a request that creates or updates an asset. Unset fields do not change; null clears a field.

    Each type's own request body extends this.
    """

    name: Name | UnsetType | None = UNSET
    description: RichText | Markdown | UnsetType | None = UNSET
    visibility: Visibility | UnsetType | None = UNSET  # null does not change it
    org_id: UUID | UnsetType | None = UNSET  # the zero UUID is the personal context
    team_id: UUID | UnsetType | None = UNSET  # the zero UUID means no team
    parent_id: UUID | UnsetType | None = UNSET
    source: Source | UnsetType = UNSET
    license_id: Word | UnsetType | None = UNSET
    license_text: LicenceText | UnsetType | None = UNSET  # what buyers agree to, stored exactly as sent
    attribution: Attribution | UnsetType | None = UNSET
    monetization: Literal["none", "pay-to-unlock", "pay-per-use"] | UnsetType | None = UNSET
    price: Dollars | UnsetType | None = UNSET
    price_currency: Literal["usd", "btc"] | UnsetType | None = UNSET
    price_usd: Dollars | UnsetType | None = UNSET  # 0 ends the sale in this currency
    price_sats: Sats | UnsetType | None = UNSET
    unit_cost: Dollars | UnsetType | None = UNSET
    unit_cost_usd: Dollars | UnsetType | None = UNSET
    unit_cost_sats: Sats | UnsetType | None = UNSET
    cost_accounting: Word | UnsetType | None = UNSET
    cost_unit: Word | UnsetType | None = UNSET
    max_billable_seconds: Annotated[int, msgspec.Meta(ge=1, le=2**31 - 1)] | UnsetType | None = UNSET
    lineage_role: Literal["new", "version", "result", "supporting"] | UnsetType | None = UNSET
    source_id: UUID | UnsetType | None = UNSET


class Access(msgspec.Struct, frozen=True):
    """An asset, and the principal's role on it: LISTED, READ, WRITE or ADMIN."""

    id: UUID
    asset_type: AssetType
    role: int
    owner_id: UUID
    organization_id: UUID | None
    team_id: UUID | None
    parent_id: UUID | None
    visibility: Visibility
    audience: str
    name: str | None
    monetization: str


class InOrganization(msgspec.Struct, frozen=True):
    """An asset's organization. The zero UUID with the name "all" is its owner's personal context."""

    id: UUID
    name: str


class InTeam(msgspec.Struct, frozen=True):
    """An asset's team."""

    id: UUID
    name: str


class WireAsset(msgspec.Struct, frozen=True):
    """The reference's Asset. Its type provides `metadata` and `preview`."""

    id: UUID
    asset_type: str
    user_id: UUID
    org_id: UUID
    team_id: UUID
    visibility: str
    state: str
    source: str
    created_at: datetime
    last_updated: datetime
    name: str | None
    slug: str | None
    description: Any
    user: WireProfile
    organization: InOrganization
    team: InTeam | None
    parent_id: UUID | None
    lineage_role: str | None
    source_id: UUID | None
    family_id: UUID | None
    license_id: str | None
    metadata: dict[str, Any]
    attribution: dict[str, Any]
    preview: Any
    monetization: str
    price: float | None
    price_currency: str | None
    price_usd: float | None
    price_sats: int | None
    unit_cost: float | None
    unit_cost_usd: float | None
    unit_cost_sats: int | None
    cost_accounting: str | None
    cost_unit: str | None
    max_billable_seconds: int | None
    role: str | None  # the reader's: read, write or admin; null if they see the listing only
    license_text: str | UnsetType | None = UNSET  # only in responses with a single asset
    content: Any = UNSET  # the rich text of a post or comment, if requested and readable


class AssetRef(msgspec.Struct, frozen=True):
    """A short form of an asset."""

    id: UUID
    asset_type: str
    name: str | None
    user_id: UUID
    org_id: UUID
    team_id: UUID
    visibility: str
    created_at: datetime


class DeleteResult(msgspec.Struct, frozen=True):
    """The assets that were deleted, or would be in a dry run."""

    id: UUID
    asset_type: str
    name: str | None
    deleted_children: list[AssetRef]
    dry_run: bool


class WirePermission(msgspec.Struct, frozen=True):
    """The reference's Permission: a person's role on an asset."""

    id: UUID
    asset_id: UUID
    asset_type: str
    role: str
    bought: bool  # a buyer may read the asset, whatever their role
    user_id: UUID
    user: WireProfile
    org_id: UUID
    visibility: str
    granter_id: UUID | None
    created_at: datetime
    last_updated: datetime


def role_name(role: int) -> str | None:
    """Return the name of a role; None below READ."""
    return next((word for word, rank in ROLES.items() if rank == role), None)


def wire_asset(row: asyncpg.Record, *, with_licence_text: bool = False) -> WireAsset:
    """Make an asset from a row of the query `list_assets`."""
    price_usd, price_sats = _float(row["price_usd"]), row["price_sats"]
    cost_usd, cost_sats = _float(row["unit_cost_usd"]), row["unit_cost_sats"]
    currency = "usd" if price_usd is not None else "btc" if price_sats is not None else None
    organization_id, team_id = row["organization_id"], row["team_id"]
    return WireAsset(
        id=row["id"],
        asset_type=row["asset_type"],
        user_id=row["owner_id"],
        org_id=organization_id or PERSONAL_CONTEXT,
        team_id=team_id or PERSONAL_CONTEXT,
        visibility=row["visibility"],
        state=row["state"],
        source=row["source"],
        created_at=row["created_on"],
        last_updated=row["updated_on"],
        name=row["name"],
        slug=row["slug"],
        description=_json(row["description"]),
        user=WireProfile(
            row["owner_id"], row["username"], row["owner_name"], row["profile_picture"], row["actor_type"]
        ),
        organization=InOrganization(
            organization_id or PERSONAL_CONTEXT, row["organization_name"] or PERSONAL_CONTEXT_NAME
        ),
        team=None if team_id is None else InTeam(team_id, row["team_name"]),
        parent_id=row["parent_id"],
        lineage_role=row["lineage_role"],
        source_id=row["source_id"],
        family_id=row["family_id"],
        license_id=row["license_id"],
        metadata=_json(row["metadata"]),
        attribution=_json(row["attribution"]),
        preview=_json(row["preview"]) if row["role"] > LISTED else None,  # a preview is content
        monetization=row["monetization"],
        price=price_usd if currency == "usd" else _float(price_sats),
        price_currency=currency,
        price_usd=price_usd,
        price_sats=price_sats,
        unit_cost=cost_usd if cost_usd is not None else _float(cost_sats),
        unit_cost_usd=cost_usd,
        unit_cost_sats=cost_sats,
        cost_accounting=row["cost_accounting"],
        cost_unit=row["cost_unit"],
        max_billable_seconds=row["max_billable_seconds"],
        role=role_name(row["role"]),
        license_text=row["license_text"] if with_licence_text else UNSET,
    )


def wire_ref(row: asyncpg.Record) -> AssetRef:
    """Make a short form of an asset from a row with its columns."""
    return AssetRef(
        row["id"],
        row["asset_type"],
        row["name"],
        row["owner_id"],
        row["organization_id"] or PERSONAL_CONTEXT,
        row["team_id"] or PERSONAL_CONTEXT,
        row["visibility"],
        row["created_on"],
    )


def _float(value: Any) -> float | None:
    return None if value is None else float(value)


def _json(text: str | None) -> Any:
    return None if text is None else msgspec.json.decode(text)
