"""Record that a person views or downloads an asset."""

from uuid import UUID

from hallmarket.server.catalog.access import get_access
from hallmarket.server.catalog.types import LISTED
from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


async def record_view(database: Database, principal: Principal, asset_id: UUID) -> None:
    """Record that the person views an asset, which marks it as read for them. Raises NotFound."""
    async with database.transaction() as tx:
        await get_access(tx, principal, asset_id, LISTED)
        await tx.execute(sql.record_event, asset_id, principal.person_id, "view")


async def record_download(database: Database, principal: Principal, asset_id: UUID) -> None:
    """Count a download of an asset. The caller has checked that the person may read it. Raises Unavailable."""
    async with database.connection() as connection:
        await connection.execute(sql.record_event, asset_id, principal.person_id, "download")
