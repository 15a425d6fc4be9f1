"""Notify people about a post or comment, if they may read it."""

from collections.abc import Iterable
from uuid import UUID

from hallmarket.server.catalog.types import Access
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.notifications.notify import notify
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


async def notify_readers(
    tx: Connection, principal: Principal, kind: str, people: Iterable[UUID], asset: Access, action: str
) -> None:
    """Notify people of an action such as "replied to your comment", except those who may not read the asset."""
    readers = [row["id"] for row in await tx.fetch(sql.list_readers, asset.id, list(people))]
    await notify(
        tx,
        kind,
        readers,
        source_id=principal.person_id,
        organization_id=asset.organization_id,
        asset_id=asset.id,
        content={
            "text": f"{principal.username} {action}",
            "asset": {"assetId": str(asset.id), "assetType": asset.asset_type},
        },
    )
