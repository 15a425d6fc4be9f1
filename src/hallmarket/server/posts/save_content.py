"""Save the content of a post or comment, with its connections, and notify the people that it mentions."""

import hashlib
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import msgspec

from hallmarket.server.catalog.connections import ConnectionType, set_connections
from hallmarket.server.catalog.types import Access
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.posts.document_references import find_embedded, find_linked, find_mentioned_ids
from hallmarket.server.posts.notify_readers import notify_readers
from hallmarket.server.posts.resolve_mentions import resolve_mentions
from hallmarket.server.principal import Principal
from hallmarket.server.rich_text.types import Content

sql = load_queries(__package__)

PREVIEW_CHARACTERS = 280


def make_preview(content: Content) -> dict[str, Any]:
    """Return a post's preview for listings: the beginning of its text."""
    text = " ".join(content.text[: 4 * PREVIEW_CHARACTERS].split())
    return {"text": text if len(text) <= PREVIEW_CHARACTERS else text[: PREVIEW_CHARACTERS - 1] + "…"}


async def save_content(
    tx: Connection, principal: Principal, asset: Access, content: Content, notified: Iterable[UUID] = ()
) -> None:
    """Save an asset's content, connect it to the assets that it embeds and links to, and notify newly mentioned people.

    People in `notified` already get another notification and are not notified of a mention.
    """
    old = await tx.fetchrow(sql.find_content, asset.id)
    mentioned_before = set() if old is None else find_mentioned_ids(msgspec.json.decode(old["json"]))
    await resolve_mentions(tx, content)
    sha3_512 = hashlib.sha3_512(content.text.encode()).digest()
    await tx.execute(sql.save_content, asset.id, content.text, sha3_512, msgspec.json.encode(content.json).decode())
    await _connect(tx, principal, asset, "component", find_embedded(content.json))
    await _connect(tx, principal, asset, "reference", find_linked(content.json))
    newly_mentioned = find_mentioned_ids(content.json) - mentioned_before - set(notified)
    title = asset.name or f"a {asset.asset_type}"
    await notify_readers(tx, principal, "mention", newly_mentioned, asset, f"mentioned you in {title}")


async def _connect(
    tx: Connection, principal: Principal, asset: Access, connection_type: ConnectionType, ids: list[UUID]
) -> None:
    """Connect an asset to those of the ids that the principal may know of."""
    targets = [row["id"] for row in await tx.fetch(sql.list_visible, ids, *principal.viewer)]
    await set_connections(tx, connection_type, asset.id, targets, principal.person_id)
