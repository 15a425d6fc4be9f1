"""What people may read because they paid for it, beside any role that somebody granted them."""

from collections.abc import Sequence
from uuid import UUID

from hallmarket.server.catalog.access import sql
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.pool import Connection


async def grant_bought(tx: Connection, bought: Sequence[tuple[UUID, UUID, UUID]]) -> None:
    """Let buyers read what they bought, for good: an asset, its buyer and its seller each.

    Whoever calls this holds the assets' rows. A role that a buyer was granted stays what it is.
    """
    if bought:
        await tx.execute(sql.grant_bought, [new_id() for _ in bought], *zip(*bought, strict=True))


async def end_bought(tx: Connection, asset_id: UUID, person_id: UUID) -> None:
    """End what somebody may read because they paid for it: all of it was paid back.

    Whoever calls this holds the asset's row. A role that they were granted stays what it is.
    """
    if await tx.fetchval(sql.end_bought, asset_id, person_id):
        await tx.execute(sql.revoke_role, asset_id, person_id)
