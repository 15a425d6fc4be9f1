"""What happens in teams, and what of it is new to somebody. Teams hold no assets yet, so nothing does."""

from typing import Any
from uuid import UUID

import msgspec

from hallmarket.server.database.pool import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest, NotFound
from hallmarket.server.http.exchange import (
    ID_QUERY,
    Data,
    Paged,
    Pagination,
    Window,
    page_of,
    read_id,
    read_window,
    window_query,
)
from hallmarket.server.identity.types import NOBODY, Caller
from hallmarket.server.teams.standing import find_standing
from hallmarket.server.teams.types import ASSET_TYPES

sql = load_queries(__package__)

PREVIEW_ITEMS = 20
ACTIVITY_QUERY = {
    "assetType": {"type": "string", "enum": ASSET_TYPES, "description": "Only assets of this type."},
    **window_query(PREVIEW_ITEMS),
}
UNREADS_QUERY = {
    "view_mode": {
        "type": "string",
        "enum": ["count", "preview"],
        "required": True,
        "description": "Counts, or a page of one.",
    },
    "org_id": ID_QUERY | {"description": "Counts of this organization's teams only."},
    "team_id": ID_QUERY | {"description": "The team to preview."},
    **window_query(PREVIEW_ITEMS),
}


class UnreadCounts(msgspec.Struct, frozen=True):
    """How much is new to the caller in each of their teams, by the team's id."""

    unreads: dict[str, int]


class Preview(msgspec.Struct, frozen=True):
    """What is new to the caller in one team."""

    team_id: UUID
    unread_count: int
    results: list[dict[str, Any]]


class PreviewPage(msgspec.Struct, frozen=True):
    """One page of what is new in one team."""

    data: Preview
    pagination: Pagination
    error: None = None


def read_asset_type(query: dict[str, str]) -> str | None:
    """`assetType` of a query. Raises InvalidRequest for one there is none of."""
    asset_type = query.get("assetType")
    if asset_type is not None and asset_type not in ASSET_TYPES:
        raise InvalidRequest(f"assetType must be one of {', '.join(ASSET_TYPES)}.", "assetType")
    return asset_type


async def list_activity(database: Database, caller: Caller, team_id: UUID, window: Window) -> Paged[dict[str, Any]]:
    """The assets of a team the caller may see, newest first. Raises NotFound."""
    async with database.connection() as connection:
        await find_standing(connection, caller, team_id)
    return _nothing(window)


async def get_unreads(database: Database, caller: Caller, query: dict[str, str]) -> Data[UnreadCounts] | PreviewPage:
    """What is new: counts for all teams (`view_mode=count`), or a page of one (`preview`). Raises InvalidRequest."""
    match query.get("view_mode"):
        case "count":
            organization_id = read_id(query["org_id"], "org_id") if "org_id" in query else None
            return Data(await _count_unreads(database, caller, organization_id))
        case "preview":
            window = read_window(query, PREVIEW_ITEMS)
            return await _preview_unreads(database, caller, read_id(query.get("team_id", ""), "team_id"), window)
    raise InvalidRequest("view_mode must be count or preview.", "view_mode")


async def _count_unreads(database: Database, caller: Caller, organization_id: UUID | None) -> UnreadCounts:
    if organization_id == NOBODY:  # the personal context, which has no teams
        return UnreadCounts({})
    async with database.connection() as connection:
        rows = await connection.fetch(sql.list_joined, caller.person_id, organization_id, caller.organization_id)
    if organization_id is not None and not rows:  # whoever is in an organization is in its default team
        raise NotFound("You are in no such organization, or the request does not run in it.")
    return UnreadCounts({str(row["team_id"]): 0 for row in rows})


async def _preview_unreads(database: Database, caller: Caller, team_id: UUID, window: Window) -> PreviewPage:
    async with database.connection() as connection:
        await find_standing(connection, caller, team_id)
    page = _nothing(window)
    return PreviewPage(Preview(team_id, 0, page.data), page.pagination)


def _nothing(window: Window) -> Paged[dict[str, Any]]:
    return page_of(window, [], dict, total=0)
