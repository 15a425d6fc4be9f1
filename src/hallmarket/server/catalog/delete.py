"""Delete an asset, what was said of it, and what stands in it if that is wanted."""

from uuid import UUID

import asyncpg

from hallmarket.server.audit.record import record
from hallmarket.server.catalog.access import lock_access, sql
from hallmarket.server.catalog.entitlements import require_no_buyers
from hallmarket.server.catalog.types import ADMIN, DeleteResult, wire_ref
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.errors import Conflict
from hallmarket.server.http.exchange import FLAG_QUERY, read_flag
from hallmarket.server.principal import Principal

DELETE_QUERY = {
    "delete_children": FLAG_QUERY | {"description": "With the assets that stand in it and that you administer."},
    "dry_run": FLAG_QUERY | {"description": "Only say what would be deleted."},
}
INSTEAD = "make what they bought private, so that nobody else sees it"


async def delete_asset(
    database: Database, principal: Principal, asset_id: UUID, query: dict[str, str], asset_type: str | None = None
) -> DeleteResult:
    """Delete an asset by `delete_children` and `dry_run` of the query; only its administrators may.

    Children that stay stand on their own; those that inherited their visibility are private from then on. Raises
    NotFound, Forbidden, InvalidRequest, Conflict if something is put into it meanwhile, or somebody bought any of it.
    """
    with_children, dry_run = read_flag(query, "delete_children") is True, read_flag(query, "dry_run") is True
    async with database.transaction() as tx:
        return await delete_locked(tx, principal, asset_id, asset_type, with_children=with_children, dry_run=dry_run)


async def delete_locked(
    tx: Connection,
    principal: Principal,
    asset_id: UUID,
    asset_type: str | None = None,
    *,
    with_children: bool,
    dry_run: bool = False,
    needed: int = ADMIN,
) -> DeleteResult:
    """As `delete_asset`, in a transaction of the caller's; `needed` is the role it takes."""
    access = await lock_access(tx, principal, asset_id, needed, asset_type)
    family = await tx.fetch(sql.list_descendants, asset_id, *principal.viewer, with_children)
    going = [row for row in family if row["is_deleted"]]
    await require_no_buyers(tx, asset_id, "it stays", INSTEAD, ids=[row["id"] for row in going])
    if not dry_run:
        await tx.execute(sql.detach_children, [row["id"] for row in family if not row["is_deleted"]])
        try:
            await tx.execute(sql.delete_assets, [row["id"] for row in going])
        except asyncpg.ForeignKeyViolationError:
            raise Conflict("Something was put into it at this moment. Look again, and try again.") from None
        except asyncpg.RestrictViolationError:
            raise Conflict("Somebody bought of it at this moment. Look again.") from None
        await record(
            tx,
            principal,
            "asset.delete",
            organization_id=access.organization_id,
            subject_id=asset_id,
            type=access.asset_type,
            name=access.name,
            children=len(going) - 1,
        )
    children = [wire_ref(row) for row in going if row["id"] != asset_id]
    return DeleteResult(asset_id, access.asset_type, access.name, children, dry_run)
