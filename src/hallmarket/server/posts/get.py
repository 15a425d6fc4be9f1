"""Get posts and comments with what they say, as far as the caller may read them."""

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
from hallmarket.server.http.exchange import Paged, Window, page_of
from hallmarket.server.posts.document_references import find_embedded, find_linked
from hallmarket.server.posts.save_content import sql
from hallmarket.server.posts.types import WirePost
from hallmarket.server.principal import Principal
from hallmarket.server.rich_text.types import Content


async def get_post(
    connection: Connection, principal: Principal, asset_id: UUID, asset_type: str | None = None
) -> WirePost:
    """A post or a comment; without what it says where the caller only sees it listed. Raises NotFound."""
    await get_access(connection, principal, asset_id, LISTED, asset_type)
    return (await list_posts(connection, principal, [asset_id], with_licence_text=True))[0]


async def list_posts(
    connection: Connection, principal: Principal, ids: Sequence[UUID], *, with_licence_text: bool = False
) -> list[WirePost]:
    """The given posts and comments in the given order, without those that the caller may not know of.

    As `list_assets`, the texts of their licences come `with_licence_text` only.
    """
    rows = {row["id"]: row for row in await connection.fetch(sql.list_contents, ids, *principal.viewer)}
    contents = {asset_id: Content(row["text"], msgspec.json.decode(row["json"])) for asset_id, row in rows.items()}
    named = {
        asset_id: find_embedded(content.json) + find_linked(content.json) for asset_id, content in contents.items()
    }
    every = list({wanted for ids in named.values() for wanted in ids})
    found = {asset.id: asset for asset in await list_assets(connection, principal, every)} if every else {}
    return [
        _wire_post(
            asset,
            rows.get(asset.id),
            contents.get(asset.id),
            [found[wanted] for wanted in dict.fromkeys(named.get(asset.id, ())) if wanted in found],
        )
        for asset in await list_assets(connection, principal, ids, with_licence_text=with_licence_text)
    ]


async def list_comments(database: Database, principal: Principal, parent_id: UUID, window: Window) -> Paged[WirePost]:
    """What was said of an asset, or in reply to a comment, oldest first. Raises NotFound, Locked."""
    async with database.connection() as connection:
        await get_access(connection, principal, parent_id, READ)
        rows = await connection.fetch(sql.list_comments, parent_id, *principal.viewer, window.offset, window.limit + 1)
        shown = await list_posts(connection, principal, [row["id"] for row in rows])
    return page_of(window, shown, lambda comment: comment)


def _wire_post(
    asset: WireAsset, row: asyncpg.Record | None, content: Content | None, embedded: list[WireAsset]
) -> WirePost:
    fields: dict[str, Any] = {name: getattr(asset, name) for name in WireAsset.__struct_fields__ if name != "content"}
    comments, views = (0, 0) if row is None else (row["comments"], row["views"])
    return WirePost(**fields, content=content or UNSET, assets=embedded, comments=comments, views=views)
