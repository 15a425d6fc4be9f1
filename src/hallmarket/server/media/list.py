"""List an organization's media."""

from datetime import datetime

import msgspec

from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.media_dialect import Page, PageRequest, make_page
from hallmarket.server.http.parameters import read_time
from hallmarket.server.identity.users import find_creators
from hallmarket.server.media.types import WireItem, wire_item
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


class MediaFilter(msgspec.Struct, frozen=True):
    """Which media to list; None means all. `name` is a pattern of SQL's `ilike`."""

    status: int | None = None
    name: str | None = None
    created_from: datetime | None = None  # inclusive
    created_to: datetime | None = None  # exclusive


ALL_MEDIA = MediaFilter()


def read_filter(query: dict[str, str]) -> MediaFilter:
    """Read `status`, `name`, `createdFrom` and `createdTo` of a query. Raises InvalidRequest."""
    status = query.get("status")
    if status is not None and status not in ("1", "2", "3", "4"):
        raise InvalidRequest("status must be 1, 2, 3 or 4.", "status")
    name = query.get("name")
    if name is not None:
        name = "%" + name.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_") + "%"
    created_from, created_to = (read_time(query, field) for field in ("createdFrom", "createdTo"))
    return MediaFilter(None if status is None else int(status), name, created_from, created_to)


async def list_media(
    database: Database, principal: Principal, chosen: MediaFilter, page: PageRequest, thumbnails: str
) -> Page[WireItem]:
    """List one page of an organization's media, newest first, then by id. `thumbnails` is the base URL of thumbnails.

    Raises Forbidden in the personal context, Unavailable.
    """
    organization_id = principal.own_organization_id
    filters = (organization_id, chosen.status, chosen.name, chosen.created_from, chosen.created_to)
    after, after_id = page.after or (None, None)
    async with database.connection() as connection:
        if chosen == ALL_MEDIA:
            total = await connection.fetchval(sql.count_media, organization_id)
        else:
            total = await connection.fetchval(sql.count_filtered_media, *filters)
        rows = []
        if page.offset < total:
            rows = await connection.fetch(sql.list_media, *filters, after, after_id, page.offset, page.limit + 1)
        creators = await find_creators(connection, organization_id, (row["creator_id"] for row in rows))
    return make_page(
        page,
        total,
        rows,
        lambda row: wire_item(row, creators[row["creator_id"]], thumbnails),
        lambda row: (row["created_on"], row["id"]),
    )
