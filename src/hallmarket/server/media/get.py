"""Get one media item."""

from uuid import UUID

from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import NotFound
from hallmarket.server.http.parameters import UUID_PATTERN
from hallmarket.server.identity.users import find_creators
from hallmarket.server.media.types import WireItem, wire_item
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


async def get_media(database: Database, principal: Principal, media_id: str, thumbnails: str) -> WireItem:
    """Get an item of the principal's organization. `thumbnails` is the base URL of thumbnails.

    Raises NotFound for a malformed or unknown id, and for the id of another organization's item; Unavailable.
    """
    item = None
    if UUID_PATTERN.fullmatch(media_id):
        async with database.connection() as connection:
            item = await find_media(connection, principal.own_organization_id, UUID(media_id), thumbnails)
    if item is None:
        raise NotFound("There is no such media item.")
    return item


async def find_media(
    connection: Connection, organization_id: UUID | None, media_id: UUID, thumbnails: str
) -> WireItem | None:
    """Find an item of an organization."""
    row = await connection.fetchrow(sql.find_item, media_id, organization_id)
    if row is None or organization_id is None:
        return None
    creators = await find_creators(connection, organization_id, [row["creator_id"]])
    return wire_item(row, creators[row["creator_id"]], thumbnails)
