"""What happens to assets: they are viewed and downloaded."""

from typing import Literal
from uuid import UUID

from hallmarket.server.catalog.access import get_access, sql
from hallmarket.server.catalog.types import LISTED
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.principal import Principal


async def record_view(database: Database, principal: Principal, asset_id: UUID) -> None:
    """Note that the caller views an asset; it is read to them from then on. Raises NotFound."""
    async with database.transaction() as tx:
        await get_access(tx, principal, asset_id, LISTED)
        await _note(tx, "view", asset_id, principal.person_id)


async def delete_old_events(database: Database) -> None:
    """Forget who viewed or downloaded what more than a day ago; the days' counts stay. Raises Unavailable."""
    async with database.connection() as connection:
        await connection.execute(sql.delete_old_events)


async def note_download(connection: Connection, asset_id: UUID, person_id: UUID) -> None:
    """Note that somebody downloads an asset, which the caller has made sure they may."""
    await _note(connection, "download", asset_id, person_id)


async def _note(connection: Connection, kind: Literal["view", "download"], asset_id: UUID, person_id: UUID) -> None:
    await connection.execute(sql.note_event, asset_id, person_id, kind)
