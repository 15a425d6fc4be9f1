"""List and get an organization's media."""

from datetime import datetime
from uuid import UUID

import msgspec

from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest, NotFound
from hallmarket.server.http.exchange import UUID_TEXT
from hallmarket.server.http.paging import Page, PageRequest, make_page, read_time
from hallmarket.server.identity.people import find_creators
from hallmarket.server.media.types import WireItem, wire_item
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


class Filters(msgspec.Struct, frozen=True):
    """Which media are wanted; None wants all."""

    status: int | None
    name: str | None
    created_from: datetime | None  # inclusive
    created_to: datetime | None  # exclusive


EVERYTHING = Filters(None, None, None, None)


def read_filters(query: dict[str, str]) -> Filters:
    """`status`, `name`, `createdFrom` and `createdTo` from the query. Raises InvalidRequest naming a bad one."""
    status = query.get("status")
    if status is not None and status not in ("1", "2", "3", "4"):
        raise InvalidRequest("status must be 1, 2, 3 or 4.", "status")
    name = query.get("name")
    if name is not None:
        name = "%" + name.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
    created_from, created_to = (read_time(query, field) for field in ("createdFrom", "createdTo"))
    return Filters(None if status is None else int(status), name, created_from, created_to)


async def list_media(
    database: Database, principal: Principal, filters: Filters, wanted: PageRequest, thumbnails: str
) -> Page[WireItem]:
    """One page of an organization's media, newest first, ties by id; `thumbnails` is where thumbnails are served.

    Raises Unavailable.
    """
    organization_id = principal.own_organization_id
    chosen = (organization_id, filters.status, filters.name, filters.created_from, filters.created_to)
    after, after_id = wanted.after or (None, None)
    async with database.connection() as connection:
        if filters == EVERYTHING:
            total = await connection.fetchval(sql.count_media, organization_id)
        else:
            total = await connection.fetchval(sql.count_filtered_media, *chosen)
        rows = []
        if wanted.offset < total:
            rows = await connection.fetch(sql.list_media, *chosen, after, after_id, wanted.offset, wanted.limit + 1)
        creators = await find_creators(connection, organization_id, (row["creator_id"] for row in rows))
    return make_page(
        wanted,
        total,
        rows,
        lambda row: wire_item(row, creators[row["creator_id"]], thumbnails),
        lambda row: (row["created_on"], row["id"]),
    )


async def get_media(database: Database, principal: Principal, media_id: str, thumbnails: str) -> WireItem:
    """One item of an organization. Raises NotFound for a malformed, unknown or foreign id alike."""
    item = None
    if UUID_TEXT.fullmatch(media_id):
        async with database.connection() as connection:
            item = await find_media(connection, principal.own_organization_id, UUID(media_id), thumbnails)
    if item is None:
        raise NotFound("There is no such media item.")
    return item


async def find_media(
    connection: Connection, organization_id: UUID | None, media_id: UUID, thumbnails: str
) -> WireItem | None:
    """One item of an organization, if it has it."""
    row = await connection.fetchrow(sql.find_item, media_id, organization_id)
    if row is None or organization_id is None:
        return None
    creators = await find_creators(connection, organization_id, [row["creator_id"]])
    return wire_item(row, creators[row["creator_id"]], thumbnails)
