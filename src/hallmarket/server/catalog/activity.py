"""What happens in teams, and what of it is new to somebody: what others put there and one has neither viewed nor seen
in the team's activity."""

from uuid import UUID

import msgspec

from hallmarket.server.catalog.access import sql
from hallmarket.server.catalog.get import list_assets
from hallmarket.server.catalog.types import AssetRef, WireAsset, wire_ref
from hallmarket.server.database.connections import Database
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
from hallmarket.server.principal import PERSONAL_CONTEXT, Principal
from hallmarket.server.teams.seen import mark_seen
from hallmarket.server.teams.standing import find_standing
from hallmarket.server.teams.types import ASSET_TYPES

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
    results: list[AssetRef]


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


async def list_activity(
    database: Database, principal: Principal, team_id: UUID, asset_type: str | None, window: Window, *, sees: bool
) -> Paged[WireAsset]:
    """The assets of a team that the caller may know of, newest first. Raises NotFound.

    If they see it, and it is the beginning of all of it, nothing until now is new to them any more.
    """
    async with database.transaction() as tx:
        await find_standing(tx, principal, team_id)
        asked = (*principal.viewer, team_id, asset_type, window.offset, window.limit + 1)
        rows = await tx.fetch(sql.list_activity, *asked)
        page: Paged[UUID] = page_of(window, rows, lambda row: row["id"])
        if sees and rows and asset_type is None and window.offset == 0:
            await mark_seen(tx, team_id, principal.person_id, rows[0]["created_on"])
        return Paged(await list_assets(tx, principal, page.data), page.pagination)


async def get_unreads(
    database: Database, principal: Principal, query: dict[str, str]
) -> Data[UnreadCounts] | PreviewPage:
    """What is new: counts for all teams (`view_mode=count`), or a page of one (`preview`). Raises InvalidRequest."""
    match query.get("view_mode"):
        case "count":
            organization_id = read_id(query["org_id"], "org_id") if "org_id" in query else None
            return Data(await _count_unreads(database, principal, organization_id))
        case "preview":
            window = read_window(query, PREVIEW_ITEMS)
            return await _preview_unreads(database, principal, read_id(query.get("team_id", ""), "team_id"), window)
    raise InvalidRequest("view_mode must be count or preview.", "view_mode")


async def _count_unreads(database: Database, principal: Principal, organization_id: UUID | None) -> UnreadCounts:
    if organization_id == PERSONAL_CONTEXT:  # the personal context, which has no teams
        return UnreadCounts({})
    async with database.connection() as connection:
        rows = await connection.fetch(
            sql.count_unread, *principal.viewer, organization_id, principal.organization_id, None
        )
    if organization_id is not None and not rows:  # whoever is in an organization is in its default team
        raise NotFound("You are in no such organization, or the request does not run in it.")
    return UnreadCounts({str(row["team_id"]): row["unread"] for row in rows})


async def _preview_unreads(database: Database, principal: Principal, team_id: UUID, window: Window) -> PreviewPage:
    async with database.connection() as connection:
        await find_standing(connection, principal, team_id)
        counted = await connection.fetchrow(
            sql.count_unread, *principal.viewer, None, principal.organization_id, team_id
        )
        asked = (*principal.viewer, team_id, window.offset, window.limit + 1)
        rows = await connection.fetch(sql.list_unread, *asked)
    unread = 0 if counted is None else counted["unread"]
    page = page_of(window, rows, wire_ref, total=unread)
    return PreviewPage(Preview(team_id, unread, page.data), page.pagination)
