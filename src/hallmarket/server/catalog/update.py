"""Change what is said of an asset."""

from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import UNSET

from hallmarket.server.audit.record import record
from hallmarket.server.catalog.access import sql
from hallmarket.server.catalog.create import find_lineage
from hallmarket.server.catalog.entitlements import require_no_buyers
from hallmarket.server.catalog.normalize_fields import default_monetization, merge_attribution, normalize_fields
from hallmarket.server.catalog.placement import choose_placement
from hallmarket.server.catalog.types import ADMIN, Access, AssetFields
from hallmarket.server.database.connections import Connection
from hallmarket.server.errors import Forbidden, InvalidRequest
from hallmarket.server.principal import PERSONAL_CONTEXT, Principal

# Who may see it, what it costs and on which terms: for administrators of the asset, as sharing is.
FOR_ADMINISTRATORS = (
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
    """Change an asset that `lock_access` gave the caller with WRITE; fields left out stay as they are.

    Raises Forbidden, InvalidRequest, NotFound for a source the caller may not know of, ApiKeyOrgMismatch, Conflict if
    somebody bought it as part of what it would no longer inherit from.
    """
    old = await tx.fetchrow(sql.find_fields, access.id)
    assert old is not None
    new = dict(old) | normalize_fields(fields)  # its columns stay in the order of both queries
    if fields.attribution is not UNSET:
        merged = merge_attribution(msgspec.json.decode(old["attribution"]), fields.attribution)
        new["attribution"] = msgspec.json.encode(merged).decode()
    if fields.source_id is not UNSET:
        new["source_id"], new["family_id"] = await find_lineage(tx, principal, fields)
        await _check_source(tx, access.id, new["source_id"])
    new |= await _place(tx, principal, old, fields, new["source"])
    is_new_for_sale = new["visibility"] == "monetized" != old["visibility"]
    if is_new_for_sale and old["monetization"] == "none" and fields.monetization is UNSET:
        new["monetization"] = default_monetization("monetized")
    if access.role < ADMIN and any(new[name] != old[name] for name in FOR_ADMINISTRATORS):
        raise Forbidden(
            f"Only administrators of this {access.asset_type} may change who sees it, its price and its terms."
        )
    await _require_part_stays(tx, access.id, old["visibility"], new["visibility"])
    await tx.execute(sql.update_asset, access.id, *new.values())
    changed = [name for name in new if new[name] != old[name]]
    await record(
        tx,
        principal,
        "asset.update",
        organization_id=new["organization_id"],
        subject_id=access.id,
        type=access.asset_type,
        changed=changed,
    )


async def set_asset_details(
    tx: Connection,
    asset_id: UUID,
    *,
    metadata: dict[str, Any] | None = None,
    preview: Any = None,
    body: str | None = None,
) -> None:
    """Put down what an asset's type says of it; what is None stays as it is."""
    texts = [None if value is None else msgspec.json.encode(value).decode() for value in (metadata, preview)]
    await tx.execute(sql.set_asset_details, asset_id, *texts, body)


async def _check_source(tx: Connection, asset_id: UUID, source_id: UUID | None) -> None:
    """Raises InvalidRequest for a source that comes from the asset itself."""
    sources = [] if source_id is None else await tx.fetch(sql.list_sources, source_id)
    if asset_id in (source_id, *(row["id"] for row in sources)):
        raise InvalidRequest("An asset does not come from itself.", "source_id")


async def _require_part_stays(tx: Connection, asset_id: UUID, old: str, new: str) -> None:
    """Raises Conflict if what it inherits from is to be another, and somebody bought that.

    What was bought does not come to inherit either: its own parts would then inherit from there, out of their buyers'
    reach.
    """
    if old != new and old == "inherit":
        await require_no_buyers(tx, asset_id, "it stays part of that")
    elif old != new and new == "inherit":
        await require_no_buyers(tx, asset_id, "it keeps a visibility of its own")


async def _place(
    tx: Connection, principal: Principal, old: asyncpg.Record, fields: AssetFields, source: str
) -> dict[str, Any]:
    """Organization, team and visibility, if any of them is said; chosen as for a new asset."""
    said = [value for value in (fields.visibility, fields.org_id, fields.team_id) if value not in (UNSET, None)]
    if not said:
        return {}
    organization_id = old["organization_id"] if fields.org_id in (UNSET, None) else fields.org_id
    organization_id = None if organization_id == PERSONAL_CONTEXT else organization_id
    visibility = old["visibility"] if fields.visibility in (UNSET, None) else fields.visibility
    if visibility == "inherit":
        if old["parent_id"] is None:
            raise InvalidRequest("Only an asset with a parent inherits its visibility.", "visibility")
        return {"visibility": visibility}  # the rest follows from its parent
    stays = organization_id == old["organization_id"]
    team_id = (old["team_id"] if stays else None) if fields.team_id in (UNSET, None) else fields.team_id
    place = (organization_id, team_id, visibility)
    if place == (old["organization_id"], old["team_id"], old["visibility"]):
        return {}
    chosen = await choose_placement(
        tx, principal, organization_id=organization_id, team_id=team_id, visibility=visibility, source=source
    )
    return {"organization_id": chosen.organization_id, "team_id": chosen.team_id, "visibility": chosen.visibility}
