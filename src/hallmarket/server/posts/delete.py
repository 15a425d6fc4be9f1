"""Delete a post or a comment, with everything that was said of it."""

from uuid import UUID

from hallmarket.server.catalog.access import lock_access
from hallmarket.server.catalog.delete import delete_locked
from hallmarket.server.catalog.types import ADMIN, DeleteResult
from hallmarket.server.database.connections import Database
from hallmarket.server.errors import NotFound
from hallmarket.server.http.exchange import read_flag
from hallmarket.server.principal import Principal


async def delete_post(database: Database, principal: Principal, asset_id: UUID, query: dict[str, str]) -> DeleteResult:
    """Delete a post as its administrator, or a comment as its author or an administrator of what it was said of.

    Raises NotFound, Forbidden, InvalidRequest, Conflict if something is said of it meanwhile.
    """
    with_children, dry_run = read_flag(query, "delete_children") is True, read_flag(query, "dry_run") is True
    async with database.transaction() as tx:
        access = await lock_access(tx, principal, asset_id, ADMIN)
        if access.asset_type not in ("post", "comment"):
            raise NotFound("There is no such post or comment.")
        return await delete_locked(tx, principal, asset_id, with_children=with_children, dry_run=dry_run)
