"""Search assets by words, scope and filters, in one of four orders, among those that the principal may know of."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from hallmarket.server.catalog.get import list_assets
from hallmarket.server.catalog.search_query import WINDOW_DAYS, Search
from hallmarket.server.catalog.types import WireAsset
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.paging import Page, Window, make_page
from hallmarket.server.principal import Principal

sql = load_queries(__package__)

MAX_RANKED = 2000


async def search_assets(database: Database, principal: Principal, search: Search, window: Window) -> Page[WireAsset]:
    """Return one page of the matching assets. Raises Unavailable."""
    async with database.connection() as connection:
        found = await _find(connection, (*principal.viewer, *_arguments(search)), search, window)
        page: Page[UUID] = make_page(window, found, lambda asset_id: asset_id)
        return Page(await list_assets(connection, principal, page.items), window, page.has_more)


async def _find(connection: Connection, arguments: tuple[Any, ...], search: Search, window: Window) -> list[UUID]:
    """Return the ids of the page, and one more id if there is a next page."""
    if search.sort == "popular":
        return await _find_popular(connection, arguments, search.time_window, window)
    if search.sort == "relevant":
        return await _find_relevant(connection, arguments, window)
    query = sql.search_updated if search.sort == "updated" else sql.search_recent
    return [row["id"] for row in await connection.fetch(query, *arguments, window.offset, window.limit + 1)]


async def _find_relevant(connection: Connection, arguments: tuple[Any, ...], window: Window) -> list[UUID]:
    """Find the newest MAX_RANKED matches, best match first; then the older ones, newest first."""
    rows = await connection.fetch(sql.search_relevant, *arguments, MAX_RANKED, window.offset, window.limit + 1)
    missing = window.limit + 1 - len(rows)
    if missing and window.offset + window.limit >= MAX_RANKED:
        rows += await connection.fetch(sql.search_recent, *arguments, max(MAX_RANKED, window.offset), missing)
    return [row["id"] for row in rows]


async def _find_popular(
    connection: Connection, arguments: tuple[Any, ...], time_window: str, window: Window
) -> list[UUID]:
    """Find the matches that were popular in the time window, most popular first; then the others, newest first."""
    days = WINDOW_DAYS[time_window]
    since = (datetime.now(UTC) - timedelta(days=days)).date() if days else datetime.min.date()
    rows = await connection.fetch(sql.search_popular, *arguments, since, window.offset, window.limit + 1)
    missing = window.limit + 1 - len(rows)
    if missing:
        popular = await connection.fetchval(sql.count_popular, *arguments, since)
        offset = max(0, window.offset - popular)
        rows += await connection.fetch(sql.search_unpopular, *arguments, since, offset, missing)
    return [row["id"] for row in rows]


def _arguments(search: Search) -> tuple[Any, ...]:
    """The arguments of `asset_search` after the viewer."""
    return (
        *(search.scope, search.asset_id, search.words, search.is_prefix, search.types, search.organization_id),
        *(search.team_id, search.person_id, search.visibilities, search.source, search.top_level_only, search.tags),
        *(search.extensions, search.file_types),
        msgspec.json.encode(search.metadata).decode() if search.metadata else None,
    )
