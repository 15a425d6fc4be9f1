"""Delete a post or a comment, with its comments."""

from uuid import UUID

from hallmarket.server.catalog.access import lock_access
from hallmarket.server.catalog.delete import DeleteOptions, delete_asset_in
from hallmarket.server.catalog.types import ADMIN, DeleteResult
from hallmarket.server.database.connections import Database
from hallmarket.server.errors import NotFound
from hallmarket.server.principal import Principal


async def delete_post(database: Database, principal: Principal, asset_id: UUID, options: DeleteOptions) -> DeleteResult:
    """Delete a post or comment that the principal administers. Administrators of a post also administer its comments.

    Raises NotFound, Forbidden, Conflict if a comment is added at the same time.
    """
    async with database.transaction() as tx:
        access = await lock_access(tx, principal, asset_id, ADMIN)
        if access.asset_type not in ("post", "comment"):
            raise NotFound("There is no such post or comment.")
        return await delete_asset_in(tx, principal, asset_id, options)
