"""Get posts and comments, with their content if the principal may read it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from msgspec import UNSET

from hallmarket.server.catalog.access import get_access
from hallmarket.server.catalog.get import list_assets
from hallmarket.server.catalog.types import LISTED, READ, WireAsset
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.paging import Page, Window, make_page
from hallmarket.server.posts.document_references import find_embedded, find_linked
from hallmarket.server.posts.types import WirePost
from hallmarket.server.principal import Principal
from hallmarket.server.rich_text.types import Content

sql = load_queries(__package__)


async def get_post(
    connection: Connection, principal: Principal, asset_id: UUID, asset_type: str | None = None
) -> WirePost:
    """Return a post or comment, without its content if the principal may only see the listing. Raises NotFound."""
    await get_access(connection, principal, asset_id, LISTED, asset_type)
    return (await list_posts(connection, principal, [asset_id], with_licence_text=True))[0]


async def list_posts(
    connection: Connection, principal: Principal, ids: Sequence[UUID], *, with_licence_text: bool = False
) -> list[WirePost]:
    """Return the posts and comments in the order of `ids`, without those that the principal may not know of."""
    rows = {row["id"]: row for row in await connection.fetch(sql.list_contents, ids, *principal.viewer)}
    contents = {asset_id: Content(row["text"], msgspec.json.decode(row["json"])) for asset_id, row in rows.items()}
    references = {
        asset_id: list(dict.fromkeys(find_embedded(content.json) + find_linked(content.json)))
        for asset_id, content in contents.items()
    }
    referred_ids = list({referred_id for ids in references.values() for referred_id in ids})
    referred = await list_assets(connection, principal, referred_ids) if referred_ids else []
    known = {asset.id: asset for asset in referred}
    return [
        _wire_post(
            asset,
            rows.get(asset.id),
            contents.get(asset.id),
            [known[referred_id] for referred_id in references.get(asset.id, ()) if referred_id in known],
        )
        for asset in await list_assets(connection, principal, ids, with_licence_text=with_licence_text)
    ]


async def list_comments(database: Database, principal: Principal, parent_id: UUID, window: Window) -> Page[WirePost]:
    """Return the comments on an asset, or the replies to a comment, oldest first. Raises NotFound, Locked."""
    async with database.connection() as connection:
        await get_access(connection, principal, parent_id, READ)
        rows = await connection.fetch(sql.list_comments, parent_id, *principal.viewer, window.offset, window.limit + 1)
        comments = await list_posts(connection, principal, [row["id"] for row in rows])
    return make_page(window, comments, lambda comment: comment)


def _wire_post(
    asset: WireAsset, row: asyncpg.Record | None, content: Content | None, referred: list[WireAsset]
) -> WirePost:
    fields: dict[str, Any] = {name: getattr(asset, name) for name in WireAsset.__struct_fields__ if name != "content"}
    comments, views = (0, 0) if row is None else (row["comments"], row["views"])
    return WirePost(**fields, content=content or UNSET, assets=referred, comments=comments, views=views)
