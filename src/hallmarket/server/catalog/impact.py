"""What assets have brought about: views, comments, downloads, uses by others, earnings."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.catalog.access import get_access, sql
from hallmarket.server.catalog.types import LISTED
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.exchange import MAX_ITEMS, read_id, read_window, window_query
from hallmarket.server.http.paging import read_time
from hallmarket.server.identity.profile import find_someone
from hallmarket.server.principal import Principal

MAX_COUNTED = 5000  # of one person's assets
SINCE_QUERY = {"since": {"type": "string", "format": "date-time", "description": "Only what came since then."}}
IDS = {"type": "string", "description": f"Up to {MAX_ITEMS} ids of assets, separated by commas."}
IMPACT_QUERY = {"ids": IDS | {"examples": [""]}} | SINCE_QUERY
USER_IMPACT_QUERY = SINCE_QUERY | {"asset_ids": IDS | {"examples": [""]}, **window_query()}


class Counts(msgspec.Struct, frozen=True):
    """The reference's counters of one asset. Nobody reacts to one yet; what it earned only its administrators see."""

    views: int = 0
    comments: int = 0
    downloads: int = 0
    reactions: int = 0
    earnings_btc: int = 0  # satoshis
    earnings_usd: int = 0  # cents


class Engagement(Counts, frozen=True):
    """The counters, and what of them came from others than the owner."""

    quality_views: int = 0
    external_comments: int = 0
    external_reactions: int = 0
    uses: int = 0


class AssetImpact(Engagement, frozen=True, kw_only=True):
    """The reference's AssetImpact; nobody measures how long a view lasts."""

    asset_id: UUID
    asset_type: str
    name: str | None
    owner_user_id: UUID
    popularity_7d: float
    quest_ids: list[UUID] = []
    median_dwell_ms: float | None = None


class ImpactTotals(Engagement, frozen=True):
    """The counters over several assets, and how many assets those are."""

    assets: int = 0


class Impacts(msgspec.Struct, frozen=True):
    """The impact of several assets."""

    assets: list[AssetImpact]


class UserImpact(msgspec.Struct, frozen=True):
    """The reference's UserImpact, of the assets that the caller may know of."""

    user_id: UUID
    since: datetime | None
    aggregate: ImpactTotals
    assets: list[AssetImpact]


async def get_counts(database: Database, principal: Principal, asset_id: UUID) -> Counts:
    """An asset's counters. Raises NotFound."""
    async with database.connection() as connection:
        await get_access(connection, principal, asset_id, LISTED)
        (found,) = await _list_impact(connection, principal, [asset_id], None)
    return Counts(**{name: getattr(found, name) for name in Counts.__struct_fields__})


async def get_impact(database: Database, principal: Principal, query: dict[str, str]) -> Impacts:
    """The impact of the assets named by `ids`, without those one may not know of. Raises InvalidRequest."""
    named, since = _read_ids(query, "ids"), read_time(query, "since")
    async with database.connection() as connection:
        return Impacts(await _list_impact(connection, principal, named, since))


async def get_user_impact(
    database: Database, principal: Principal, name_or_id: str, query: dict[str, str]
) -> UserImpact:
    """The impact of somebody's newest assets, the most sought of the week first. Raises InvalidRequest, NotFound."""
    since, window = read_time(query, "since"), read_window(query)
    named = _read_ids(query, "asset_ids") or None
    async with database.connection() as connection:
        person_id = await find_someone(connection, name_or_id)
        owned = await connection.fetch(sql.list_owned, *principal.viewer, person_id, named, MAX_COUNTED)
        assets = await _list_impact(connection, principal, [row["id"] for row in owned], since)
    assets.sort(key=lambda each: (-each.popularity_7d, -each.views))
    shown = assets[window.offset : window.offset + window.limit]
    return UserImpact(person_id, since, _add(assets), shown)


async def _list_impact(
    connection: Connection, principal: Principal, ids: Iterable[UUID], since: datetime | None
) -> list[AssetImpact]:
    wanted = list(dict.fromkeys(ids))
    return [_wire(row) for row in await connection.fetch(sql.list_impact, *principal.viewer, wanted, since)]


def _wire(row: asyncpg.Record) -> AssetImpact:
    return AssetImpact(
        asset_id=row["id"],
        asset_type=row["asset_type"],
        name=row["name"],
        owner_user_id=row["owner_id"],
        views=row["views"],
        quality_views=row["quality_views"],
        downloads=row["downloads"],
        comments=row["comments"],
        external_comments=row["external_comments"],
        uses=row["uses"],
        earnings_btc=row["btc"],
        earnings_usd=row["usd"],
        popularity_7d=float(row["popularity"]),
    )


def _add(assets: list[AssetImpact]) -> ImpactTotals:
    totals: dict[str, Any] = {
        name: sum(getattr(each, name) for each in assets) for name in Engagement.__struct_fields__
    }
    return ImpactTotals(assets=len(assets), **totals)


def _read_ids(query: dict[str, str], name: str) -> list[UUID]:
    named = [read_id(text.strip(), name) for text in query.get(name, "").split(",") if text.strip()]
    if len(named) > MAX_ITEMS:
        raise InvalidRequest(f"{name} may name at most {MAX_ITEMS} assets.", name)
    return named
