"""Create an asset. Its type's own room calls this in the transaction that also creates its content."""

from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import UNSET

from hallmarket.server.audit.record import record
from hallmarket.server.catalog.access import get_access
from hallmarket.server.catalog.normalize_fields import normalize_fields
from hallmarket.server.catalog.placement import Placement, choose_placement
from hallmarket.server.catalog.types import READ, WRITE, AssetFields, AssetType
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest, NotFound
from hallmarket.server.principal import PERSONAL_CONTEXT, Principal

sql = load_queries(__package__)

# In the order of the parameters of the query `create_asset`.
PRICE_COLUMNS = ("price_usd", "price_sats", "unit_cost_usd", "unit_cost_sats", "cost_accounting", "cost_unit")


async def create_asset(
    tx: Connection,
    principal: Principal,
    asset_type: AssetType,
    fields: AssetFields,
    *,
    asset_id: UUID | None = None,
    metadata: dict[str, Any] | None = None,
    preview: Any = None,
    body: str = "",
    parent_role: int = WRITE,
) -> UUID:
    """Create an asset that the principal owns, and return its id. `body` is text that searches find it by.

    A parent requires `parent_role`. Raises InvalidRequest, Forbidden, NotFound for a parent or source that the
    principal may not know of, Locked, ApiKeyOrgMismatch.
    """
    asset_id = asset_id or new_id()
    columns = {"source": "api"} | normalize_fields(fields)
    parent_id = None if fields.parent_id is UNSET else fields.parent_id
    placement = await _choose_placement(tx, principal, fields, parent_id, parent_role, columns["source"])
    columns.setdefault("monetization", "pay-to-unlock" if placement.visibility == "monetized" else "none")
    source_id, family_id = await resolve_source(tx, principal, fields)
    try:
        await tx.execute(
            sql.create_asset,
            *(asset_id, asset_type, principal.person_id),
            *(placement.organization_id, placement.team_id, parent_id, placement.visibility, columns["source"]),
            *(columns.get(name) for name in ("name", "slug", "description", "license_id")),
            *(columns["attribution"], _json(metadata or {}), _json(preview), columns["monetization"]),
            *(columns.get(name) for name in PRICE_COLUMNS),
            *(columns.get("max_billable_seconds"), columns.get("lineage_role"), source_id, family_id, body),
            columns.get("license_text"),
        )
    except asyncpg.ForeignKeyViolationError:
        raise NotFound("The parent, the source or the team was deleted.") from None
    await tx.execute(sql.grant_role, new_id(), asset_id, principal.person_id, "admin", principal.person_id)
    await record(
        tx,
        principal,
        "asset.create",
        organization_id=placement.organization_id,
        subject_id=asset_id,
        type=asset_type,
        name=columns.get("name"),
    )
    return asset_id


async def resolve_source(tx: Connection, principal: Principal, fields: AssetFields) -> tuple[UUID | None, UUID | None]:
    """Return the ids of the source in `fields` and of its family, or None and None.

    Raises NotFound, Locked: the principal must be able to read the source.
    """
    if fields.source_id is UNSET or fields.source_id is None:
        return None, None
    await get_access(tx, principal, fields.source_id, READ)
    source = await tx.fetchrow(sql.find_fields, fields.source_id)
    assert source is not None
    return fields.source_id, source["family_id"] or fields.source_id


async def _choose_placement(
    tx: Connection, principal: Principal, fields: AssetFields, parent_id: UUID | None, parent_role: int, source: str
) -> Placement:
    visibility = None if fields.visibility is UNSET else fields.visibility
    if parent_id is not None:
        parent = await get_access(tx, principal, parent_id, parent_role)
        if visibility in (None, "inherit"):
            return Placement(parent.organization_id, parent.team_id, "inherit")
    elif visibility == "inherit":
        raise InvalidRequest("Only an asset with a parent can inherit its visibility.", "visibility")
    organization_id = principal.organization_id if fields.org_id in (UNSET, None) else fields.org_id
    return await choose_placement(
        tx,
        principal,
        organization_id=None if organization_id == PERSONAL_CONTEXT else organization_id,
        team_id=fields.team_id,
        visibility=visibility,
        source=source,
    )


def _json(value: Any) -> str | None:
    return None if value is None else msgspec.json.encode(value).decode()
