"""Find assets: by words, scope and filters, in one of four orders; never one that the caller may not know of."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from hallmarket.server.catalog.access import sql
from hallmarket.server.catalog.get import list_assets
from hallmarket.server.catalog.search_query import WINDOW_DAYS, Search
from hallmarket.server.catalog.types import WireAsset
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.http.exchange import Paged, Window, page_of
from hallmarket.server.principal import Principal

MAX_RANKED = 2000


async def search_assets(database: Database, principal: Principal, wanted: Search, window: Window) -> Paged[WireAsset]:
    """One page of the assets that are searched for. Raises Unavailable."""
    async with database.connection() as connection:
        found = await _find(connection, (*principal.viewer, *_values(wanted)), wanted, window)
        page: Paged[UUID] = page_of(window, found, lambda one: one)
        return Paged(await list_assets(connection, principal, page.data), page.pagination)


async def _find(connection: Connection, asked: tuple[Any, ...], wanted: Search, window: Window) -> list[UUID]:
    """The ids of the page, and of one more if there is one."""
    if wanted.sort == "popular":
        return await _find_popular(connection, asked, wanted.time_window, window)
    if wanted.sort == "relevant":
        return await _find_relevant(connection, asked, window)
    ordered = sql.search_updated if wanted.sort == "updated" else sql.search_recent
    return [row["id"] for row in await connection.fetch(ordered, *asked, window.offset, window.limit + 1)]


async def _find_relevant(connection: Connection, asked: tuple[Any, ...], window: Window) -> list[UUID]:
    """First the newest so many, the best match first; then everything older, newest first."""
    rows = await connection.fetch(sql.search_relevant, *asked, MAX_RANKED, window.offset, window.limit + 1)
    missing = window.limit + 1 - len(rows)
    if missing and window.offset + window.limit >= MAX_RANKED:
        rows += await connection.fetch(sql.search_recent, *asked, max(MAX_RANKED, window.offset), missing)
    return [row["id"] for row in rows]


async def _find_popular(connection: Connection, asked: tuple[Any, ...], time_window: str, window: Window) -> list[UUID]:
    """First what was sought in the time, the most sought first; then everything else, newest first."""
    days = WINDOW_DAYS[time_window]
    since = (datetime.now(UTC) - timedelta(days=days)).date() if days else datetime.min.date()
    rows = await connection.fetch(sql.search_popular, *asked, since, window.offset, window.limit + 1)
    missing = window.limit + 1 - len(rows)
    if missing:
        sought = await connection.fetchval(sql.count_popular, *asked, since)
        rows += await connection.fetch(sql.search_unpopular, *asked, since, max(0, window.offset - sought), missing)
    return [row["id"] for row in rows]


def _values(wanted: Search) -> tuple[Any, ...]:
    """The parameters of `asset_search` after the first two."""
    return (
        *(wanted.scope, wanted.asset_id, wanted.words, wanted.is_open, wanted.types, wanted.organization_id),
        *(wanted.team_id, wanted.person_id, wanted.visibilities, wanted.source, wanted.top_level_only, wanted.tags),
        *(wanted.extensions, wanted.file_types),
        msgspec.json.encode(wanted.metadata).decode() if wanted.metadata else None,
    )
