"""Delete an asset with its comments, and with its children if requested."""

from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.audit.record import record
from hallmarket.server.catalog.access import lock_access
from hallmarket.server.catalog.entitlements import require_no_buyers
from hallmarket.server.catalog.types import ADMIN, DeleteResult, wire_ref
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Conflict
from hallmarket.server.http.parameters import FLAG_QUERY, read_flag
from hallmarket.server.principal import Principal

sql = load_queries(__package__)

DELETE_QUERY: dict[str, dict[str, Any]] = {
    "delete_children": FLAG_QUERY | {"description": "Also delete the asset's children that you administer."},
    "dry_run": FLAG_QUERY | {"description": "Only report what would be deleted."},
}
ALTERNATIVE = "make what they bought private, so that nobody else sees it"


class DeleteOptions(msgspec.Struct, frozen=True):
    """How to delete an asset."""

    with_children: bool = False
    dry_run: bool = False


def read_delete_options(query: dict[str, str]) -> DeleteOptions:
    """Read the parameters of a deletion. Raises InvalidRequest."""
    return DeleteOptions(read_flag(query, "delete_children") is True, read_flag(query, "dry_run") is True)


async def delete_asset(
    database: Database, principal: Principal, asset_id: UUID, options: DeleteOptions, asset_type: str | None = None
) -> DeleteResult:
    """Delete an asset that the principal administers.

    Children that stay lose their parent, and become private if they inherited its visibility. Raises NotFound,
    Forbidden, Conflict if a child is added at the same time or if a person bought any of the deleted assets.
    """
    async with database.transaction() as tx:
        return await delete_asset_in(tx, principal, asset_id, options, asset_type)


async def delete_asset_in(
    tx: Connection, principal: Principal, asset_id: UUID, options: DeleteOptions, asset_type: str | None = None
) -> DeleteResult:
    """As `delete_asset`, in the caller's transaction."""
    access = await lock_access(tx, principal, asset_id, ADMIN, asset_type)
    rows = await tx.fetch(sql.list_descendants, asset_id, *principal.viewer, options.with_children)
    deleted = [row for row in rows if row["is_deleted"]]
    await require_no_buyers(
        tx, asset_id, "it cannot be deleted", ALTERNATIVE, descendants=[row["id"] for row in deleted]
    )
    if not options.dry_run:
        await tx.execute(sql.detach_children, [row["id"] for row in rows if not row["is_deleted"]])
        try:
            await tx.execute(sql.delete_assets, [row["id"] for row in deleted])
        except asyncpg.ForeignKeyViolationError:
            raise Conflict("A child was added at the same time. Check the asset, and try again.") from None
        except asyncpg.RestrictViolationError:
            raise Conflict("It was bought at the same time. Check the asset, and try again.") from None
        await record(
            tx,
            principal,
            "asset.delete",
            organization_id=access.organization_id,
            subject_id=asset_id,
            type=access.asset_type,
            name=access.name,
            children=len(deleted) - 1,
        )
    children = [wire_ref(row) for row in deleted if row["id"] != asset_id]
    return DeleteResult(asset_id, access.asset_type, access.name, children, options.dry_run)
