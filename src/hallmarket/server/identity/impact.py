"""What somebody's assets have brought about."""

from datetime import datetime
from uuid import UUID

import msgspec

from hallmarket.server.database.pool import Database
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.exchange import MOST_ITEMS, read_id, read_window, window_query
from hallmarket.server.http.paging import read_time
from hallmarket.server.identity.profile import find_someone

IMPACT_QUERY = {
    "since": {"type": "string", "format": "date-time", "description": "Only what came since then."},
    "asset_ids": {"type": "string", "examples": [""], "description": "Only of these assets, separated by commas."},
    **window_query(),
}


class ImpactTotals(msgspec.Struct, frozen=True):
    """The reference's counters over all of somebody's assets; earnings in satoshis and cents."""

    assets: int = 0
    views: int = 0
    quality_views: int = 0
    comments: int = 0
    external_comments: int = 0
    reactions: int = 0
    external_reactions: int = 0
    downloads: int = 0
    uses: int = 0
    earnings_btc: int = 0
    earnings_usd: int = 0


class Impact(msgspec.Struct, frozen=True):
    """The reference's UserImpact: nobody has an asset yet, so the counters are 0 and the list is empty."""

    user_id: UUID
    since: datetime | None
    aggregate: ImpactTotals
    assets: list[UUID]


async def get_impact(database: Database, name_or_id: str, query: dict[str, str]) -> Impact:
    """The impact of somebody's assets. Raises InvalidRequest for a bad parameter, NotFound, Unavailable."""
    since = read_time(query, "since")
    read_window(query)  # how many assets are wanted; so far that changes nothing
    named = [read_id(text.strip(), "asset_ids") for text in query.get("asset_ids", "").split(",") if text.strip()]
    if len(named) > MOST_ITEMS:
        raise InvalidRequest(f"asset_ids may name at most {MOST_ITEMS} assets.", "asset_ids")
    async with database.connection() as connection:
        person_id = await find_someone(connection, name_or_id)
    return Impact(person_id, since, ImpactTotals(), [])
