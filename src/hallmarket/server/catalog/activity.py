"""Team activity: the assets of a team, and which of them are unread.

An asset is unread if another person created it after the reader last opened the team's activity, and the reader has not
viewed it since.
"""

from uuid import UUID

import msgspec

from hallmarket.server.catalog.get import list_assets
from hallmarket.server.catalog.types import AssetRef, WireAsset, wire_ref
from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest, NotFound
from hallmarket.server.http.exchange_dialect import read_window, window_query
from hallmarket.server.http.parameters import ID_QUERY, read_id
from hallmarket.server.paging import Page, Window, make_page
from hallmarket.server.principal import PERSONAL_CONTEXT, Principal
from hallmarket.server.teams.permissions import get_team_and_role
from hallmarket.server.teams.read_marker import advance_read_marker
from hallmarket.server.teams.types import ASSET_TYPES

sql = load_queries(__package__)

PAGE_ITEMS = 20
ACTIVITY_QUERY = {
    "assetType": {"type": "string", "enum": ASSET_TYPES, "description": "Only assets of this type."},
    **window_query(PAGE_ITEMS),
}
UNREADS_QUERY = {
    "view_mode": {
        "type": "string",
        "enum": ["count", "preview"],
        "required": True,
        "description": "The counts of all teams, or a page of one team's unread assets.",
    },
    "org_id": ID_QUERY | {"description": "Counts of this organization's teams only."},
    "team_id": ID_QUERY | {"description": "The team to preview."},
    **window_query(PAGE_ITEMS),
}


class ActivityRequest(msgspec.Struct, frozen=True):
    """The requested assets of a team; None for all types except comments."""

    asset_type: str | None
    window: Window


class UnreadCountsRequest(msgspec.Struct, frozen=True):
    """A request for unread counts, in one organization or in all."""

    organization_id: UUID | None


class UnreadPreviewRequest(msgspec.Struct, frozen=True):
    """A request for a page of a team's unread assets."""

    team_id: UUID
    window: Window


def read_activity_request(query: dict[str, str]) -> ActivityRequest:
    """Read the parameters of an activity request. Raises InvalidRequest."""
    asset_type = query.get("assetType")
    if asset_type is not None and asset_type not in ASSET_TYPES:
        raise InvalidRequest(f"assetType must be one of {', '.join(ASSET_TYPES)}.", "assetType")
    return ActivityRequest(asset_type, read_window(query, PAGE_ITEMS))


def read_unreads_request(query: dict[str, str]) -> UnreadCountsRequest | UnreadPreviewRequest:
    """Read the parameters of an unreads request: `view_mode` chooses the kind. Raises InvalidRequest."""
    match query.get("view_mode"):
        case "count":
            return UnreadCountsRequest(read_id(query["org_id"], "org_id") if "org_id" in query else None)
        case "preview":
            window = read_window(query, PAGE_ITEMS)
            return UnreadPreviewRequest(read_id(query.get("team_id", ""), "team_id"), window)
    raise InvalidRequest("view_mode must be count or preview.", "view_mode")


async def list_activity(
    database: Database, principal: Principal, team_id: UUID, request: ActivityRequest, *, mark_as_seen: bool
) -> Page[WireAsset]:
    """Return the assets of a team that the principal may know of, newest first. Raises NotFound.

    With `mark_as_seen`, the first page of all types marks everything in the team as read.
    """
    window = request.window
    async with database.transaction() as tx:
        await get_team_and_role(tx, principal, team_id)
        rows = await tx.fetch(
            sql.list_activity, *principal.viewer, team_id, request.asset_type, window.offset, window.limit + 1
        )
        page: Page[UUID] = make_page(window, rows, lambda row: row["id"])
        if mark_as_seen and rows and request.asset_type is None and window.offset == 0:
            await advance_read_marker(tx, principal, team_id, rows[0]["created_on"])
        return Page(await list_assets(tx, principal, page.items), window, page.has_more)


async def count_unread(database: Database, principal: Principal, organization_id: UUID | None) -> dict[UUID, int]:
    """Count the unread assets in each of the principal's teams, in one organization or in all. Raises NotFound."""
    if organization_id == PERSONAL_CONTEXT:  # it has no teams
        return {}
    async with database.connection() as connection:
        rows = await connection.fetch(
            sql.count_unread, *principal.viewer, organization_id, principal.organization_id, None
        )
    if organization_id is not None and not rows:  # every member is in the organization's default team
        raise NotFound("You are not a member of this organization, or this request runs in another one.")
    return {row["team_id"]: row["unread"] for row in rows}


async def list_unread(database: Database, principal: Principal, team_id: UUID, window: Window) -> Page[AssetRef]:
    """Return the unread assets of a team, newest first, with their total. Raises NotFound."""
    async with database.connection() as connection:
        await get_team_and_role(connection, principal, team_id)
        counted = await connection.fetchrow(
            sql.count_unread, *principal.viewer, None, principal.organization_id, team_id
        )
        rows = await connection.fetch(sql.list_unread, *principal.viewer, team_id, window.offset, window.limit + 1)
    return make_page(window, rows, wire_ref, total=0 if counted is None else counted["unread"])
