"""Counters of assets: views, comments, downloads, uses by other people, and earnings."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.catalog.access import get_access
from hallmarket.server.catalog.types import LISTED
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.exchange_dialect import MAX_PAGE_SIZE, read_window, window_query
from hallmarket.server.http.parameters import read_id, read_time
from hallmarket.server.identity.profile import get_person_id
from hallmarket.server.paging import Window
from hallmarket.server.principal import Principal

sql = load_queries(__package__)

MAX_COUNTED = 5000  # assets of one person
SINCE_QUERY = {"since": {"type": "string", "format": "date-time", "description": "Only count events since then."}}
IDS = {"type": "string", "description": f"Up to {MAX_PAGE_SIZE} ids of assets, separated by commas."}
IMPACT_QUERY: dict[str, dict[str, Any]] = {"ids": IDS | {"examples": [""]}} | SINCE_QUERY
USER_IMPACT_QUERY: dict[str, dict[str, Any]] = SINCE_QUERY | {"asset_ids": IDS | {"examples": [""]}, **window_query()}


class ImpactRequest(msgspec.Struct, frozen=True):
    """The requested assets, and the time from which their events count; None counts all events."""

    asset_ids: list[UUID]
    since: datetime | None


class UserImpactRequest(msgspec.Struct, frozen=True):
    """A request for the impact of a person's assets: those in `asset_ids`, or all if it is empty."""

    asset_ids: list[UUID]
    since: datetime | None
    window: Window


class Counts(msgspec.Struct, frozen=True):
    """The reference's counters of one asset. `reactions` is always 0. Only administrators see earnings above 0."""

    views: int = 0
    comments: int = 0
    downloads: int = 0
    reactions: int = 0
    earnings_btc: int = 0  # satoshis
    earnings_usd: int = 0  # cents


class Engagement(Counts, frozen=True):
    """The counters, and the part of them that is not the owner's own."""

    quality_views: int = 0
    external_comments: int = 0
    external_reactions: int = 0
    uses: int = 0


class AssetImpact(Engagement, frozen=True, kw_only=True):
    """The reference's AssetImpact. `median_dwell_ms` is always null: the duration of views is not measured."""

    asset_id: UUID
    asset_type: str
    name: str | None
    owner_user_id: UUID
    popularity_7d: float
    quest_ids: list[UUID] = []
    median_dwell_ms: float | None = None


class ImpactTotals(Engagement, frozen=True):
    """The sums of the counters over several assets, and the number of assets."""

    assets: int = 0


class UserImpact(msgspec.Struct, frozen=True):
    """The reference's UserImpact, of the assets that the reader may know of."""

    user_id: UUID
    since: datetime | None
    aggregate: ImpactTotals
    assets: list[AssetImpact]


def read_impact_request(query: dict[str, str]) -> ImpactRequest:
    """Read the parameters of an impact request. Raises InvalidRequest."""
    return ImpactRequest(_read_ids(query, "ids"), read_time(query, "since"))


def read_user_impact_request(query: dict[str, str]) -> UserImpactRequest:
    """Read the parameters of a request for a person's impact. Raises InvalidRequest."""
    return UserImpactRequest(_read_ids(query, "asset_ids"), read_time(query, "since"), read_window(query))


async def get_counts(database: Database, principal: Principal, asset_id: UUID) -> Counts:
    """Return an asset's counters. Raises NotFound."""
    async with database.connection() as connection:
        await get_access(connection, principal, asset_id, LISTED)
        (found,) = await _list_impact(connection, principal, [asset_id], None)
    return Counts(**{name: getattr(found, name) for name in Counts.__struct_fields__})


async def list_impact(database: Database, principal: Principal, request: ImpactRequest) -> list[AssetImpact]:
    """Return the impact of the requested assets, without those that the principal may not know of."""
    async with database.connection() as connection:
        return await _list_impact(connection, principal, request.asset_ids, request.since)


async def get_user_impact(
    database: Database, principal: Principal, name_or_id: str, request: UserImpactRequest
) -> UserImpact:
    """Return the impact of a person's newest assets, the most popular of the week first. Raises NotFound."""
    async with database.connection() as connection:
        person_id = await get_person_id(connection, name_or_id)
        owned = await connection.fetch(
            sql.list_owned, *principal.viewer, person_id, request.asset_ids or None, MAX_COUNTED
        )
        assets = await _list_impact(connection, principal, [row["id"] for row in owned], request.since)
    assets.sort(key=lambda asset: (-asset.popularity_7d, -asset.views))
    shown = assets[request.window.offset : request.window.offset + request.window.limit]
    return UserImpact(person_id, request.since, _sum(assets), shown)


async def _list_impact(
    connection: Connection, principal: Principal, ids: Iterable[UUID], since: datetime | None
) -> list[AssetImpact]:
    unique_ids = list(dict.fromkeys(ids))
    return [_wire_impact(row) for row in await connection.fetch(sql.list_impact, *principal.viewer, unique_ids, since)]


def _wire_impact(row: asyncpg.Record) -> AssetImpact:
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


def _sum(assets: list[AssetImpact]) -> ImpactTotals:
    totals: dict[str, Any] = {
        name: sum(getattr(asset, name) for asset in assets) for name in Engagement.__struct_fields__
    }
    return ImpactTotals(assets=len(assets), **totals)


def _read_ids(query: dict[str, str], name: str) -> list[UUID]:
    ids = [read_id(text.strip(), name) for text in query.get(name, "").split(",") if text.strip()]
    if len(ids) > MAX_PAGE_SIZE:
        raise InvalidRequest(f"{name} may contain at most {MAX_PAGE_SIZE} ids.", name)
    return ids
