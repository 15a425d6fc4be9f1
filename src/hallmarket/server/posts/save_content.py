"""Keep what a post or a comment says, with all that follows from it."""

import hashlib
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec

from hallmarket.server.catalog.connections import ConnectionType, set_connections
from hallmarket.server.catalog.types import Access
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.notifications.notify import notify
from hallmarket.server.posts.document_references import (
    find_embedded,
    find_linked,
    find_mentioned_ids,
    find_mentioned_names,
    set_mentioned_ids,
)
from hallmarket.server.principal import Principal
from hallmarket.server.rich_text.types import Content

TEASER = 280
sql = load_queries(__package__)


def make_preview(content: Content) -> dict[str, Any]:
    """What listings show of a post: how it begins."""
    text = " ".join(content.text[: 4 * TEASER].split())
    return {"text": text if len(text) <= TEASER else text[: TEASER - 1] + "…"}


async def resolve_mentions(connection: Connection, content: Content) -> None:
    """Write the ids of whom a text mentions into its document."""
    rows = await connection.fetch(sql.find_people, find_mentioned_names(content.json))
    set_mentioned_ids(content.json, {row["username"]: str(row["id"]) for row in rows})


async def save_content(
    tx: Connection, principal: Principal, asset: Access, content: Content, told: Iterable[UUID] = ()
) -> None:
    """Keep what an asset says, connect it with what it shows and links to, and tell whom it newly mentions.

    `told` hear of it anyway.
    """
    before = await tx.fetchrow(sql.find_content, asset.id)
    known = set() if before is None else find_mentioned_ids(msgspec.json.decode(before["json"]))
    await resolve_mentions(tx, content)
    sha3_512 = hashlib.sha3_512(content.text.encode()).digest()
    await tx.execute(sql.save_content, asset.id, content.text, sha3_512, msgspec.json.encode(content.json).decode())
    await _connect(tx, principal, asset, "component", find_embedded(content.json))
    await _connect(tx, principal, asset, "reference", find_linked(content.json))
    mentioned = find_mentioned_ids(content.json) - known - set(told)
    await notify_readers(
        tx, principal, "mention", mentioned, asset, f"mentioned you in {asset.name or f'a {asset.asset_type}'}"
    )


async def notify_readers(
    tx: Connection, principal: Principal, kind: str, people: Iterable[UUID], asset: Access, what: str
) -> None:
    """Tell those of some people who may read an asset what the caller did with it."""
    readers = [row["id"] for row in await tx.fetch(sql.list_readers, asset.id, list(people))]
    await notify(
        tx,
        kind,
        readers,
        source_id=principal.person_id,
        organization_id=asset.organization_id,
        asset_id=asset.id,
        content={
            "text": f"{principal.username} {what}",
            "asset": {"assetId": str(asset.id), "assetType": asset.asset_type},
        },
    )


async def _connect(tx: Connection, principal: Principal, asset: Access, kind: ConnectionType, ids: list[UUID]) -> None:
    """Make these the assets that one is connected with, as far as the caller may know of them."""
    targets = [row["id"] for row in await tx.fetch(sql.list_visible, ids, *principal.viewer)]
    await set_connections(tx, kind, asset.id, targets, principal.person_id)
