"""Update the fields of an asset."""

from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import UNSET

from hallmarket.server.audit.record import record
from hallmarket.server.catalog.create import resolve_source
from hallmarket.server.catalog.entitlements import require_no_buyers
from hallmarket.server.catalog.normalize_fields import normalize_fields
from hallmarket.server.catalog.placement import choose_placement
from hallmarket.server.catalog.types import ADMIN, Access, AssetFields
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Forbidden, InvalidRequest
from hallmarket.server.principal import PERSONAL_CONTEXT, Principal

sql = load_queries(__package__)

# Only administrators may change who sees an asset, its price and its terms.
ADMIN_COLUMNS = (
    "visibility",
    "organization_id",
    "team_id",
    "monetization",
    "price_usd",
    "price_sats",
    "unit_cost_usd",
    "unit_cost_sats",
    "cost_accounting",
    "cost_unit",
    "max_billable_seconds",
    "license_text",
)


async def update_asset(tx: Connection, principal: Principal, access: Access, fields: AssetFields) -> None:
    """Update an asset that the caller has locked with `lock_access` and WRITE; unset fields do not change.

    Raises Forbidden, InvalidRequest, NotFound for a source that the principal may not know of, ApiKeyOrgMismatch,
    Conflict if a person bought the asset and the change would alter what it is part of.
    """
    old = await tx.fetchrow(sql.find_fields, access.id)
    assert old is not None
    # The merged columns keep the order of `find_fields`, which is that of the parameters of `update_asset`.
    new = dict(old) | normalize_fields(fields, old["attribution"])
    if fields.source_id is not UNSET:
        new["source_id"], new["family_id"] = await resolve_source(tx, principal, fields)
        await _require_no_cycle(tx, access.id, new["source_id"])
    new |= await _choose_placement(tx, principal, old, fields, new["source"])
    becomes_monetized = new["visibility"] == "monetized" != old["visibility"]
    if becomes_monetized and old["monetization"] == "none" and fields.monetization is UNSET:
        new["monetization"] = "pay-to-unlock"
    if access.role < ADMIN and any(new[name] != old[name] for name in ADMIN_COLUMNS):
        raise Forbidden(
            f"Only administrators of this {access.asset_type} may change its visibility, its price and its terms."
        )
    await _require_same_whole(tx, access.id, old["visibility"], new["visibility"])
    await tx.execute(sql.update_asset, access.id, *new.values())
    await record(
        tx,
        principal,
        "asset.update",
        organization_id=new["organization_id"],
        subject_id=access.id,
        type=access.asset_type,
        changed=[name for name in new if new[name] != old[name]],
    )


async def set_asset_details(
    tx: Connection,
    asset_id: UUID,
    *,
    metadata: dict[str, Any] | None = None,
    preview: Any = None,
    body: str | None = None,
) -> None:
    """Set what the asset's type provides: metadata, preview, and text for searches. None leaves a value unchanged."""
    texts = [None if value is None else msgspec.json.encode(value).decode() for value in (metadata, preview)]
    await tx.execute(sql.set_asset_details, asset_id, *texts, body)


async def _require_no_cycle(tx: Connection, asset_id: UUID, source_id: UUID | None) -> None:
    """Raises InvalidRequest if the source is the asset itself or derives from it."""
    sources = [] if source_id is None else await tx.fetch(sql.list_sources, source_id)
    if asset_id in (source_id, *(row["id"] for row in sources)):
        raise InvalidRequest("An asset cannot be its own source.", "source_id")


async def _require_same_whole(tx: Connection, asset_id: UUID, old: str, new: str) -> None:
    """Raises Conflict if a new visibility would make a bought asset part of something else.

    Neither may a bought asset start to inherit its visibility: its own parts would then inherit from its parent, and
    its buyers would lose them.
    """
    if old != new and old == "inherit":
        await require_no_buyers(tx, asset_id, "it must stay part of that")
    elif old != new and new == "inherit":
        await require_no_buyers(tx, asset_id, "it cannot inherit its visibility")


async def _choose_placement(
    tx: Connection, principal: Principal, old: asyncpg.Record, fields: AssetFields, source: str
) -> dict[str, Any]:
    """Return the new organization, team and visibility if the fields contain any of them, as for a new asset."""
    if all(value in (UNSET, None) for value in (fields.visibility, fields.org_id, fields.team_id)):
        return {}
    organization_id = old["organization_id"] if fields.org_id in (UNSET, None) else fields.org_id
    organization_id = None if organization_id == PERSONAL_CONTEXT else organization_id
    visibility = old["visibility"] if fields.visibility in (UNSET, None) else fields.visibility
    if visibility == "inherit":
        if old["parent_id"] is None:
            raise InvalidRequest("Only an asset with a parent can inherit its visibility.", "visibility")
        return {"visibility": visibility}  # the database derives the rest from the parent
    same_organization = organization_id == old["organization_id"]
    team_id = (old["team_id"] if same_organization else None) if fields.team_id in (UNSET, None) else fields.team_id
    if (organization_id, team_id, visibility) == (old["organization_id"], old["team_id"], old["visibility"]):
        return {}
    chosen = await choose_placement(
        tx, principal, organization_id=organization_id, team_id=team_id, visibility=visibility, source=source
    )
    return {"organization_id": chosen.organization_id, "team_id": chosen.team_id, "visibility": chosen.visibility}
