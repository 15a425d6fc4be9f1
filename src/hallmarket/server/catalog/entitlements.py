"""Access that people bought: grant it, revoke it after a full refund, and protect it from the seller's changes.

Bought access is independent of granted roles. It includes the children that inherit the asset's visibility, except
comments.
"""

from collections.abc import Sequence
from uuid import UUID

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Conflict

sql = load_queries(__package__)


async def grant_purchased_access(tx: Connection, purchases: Sequence[tuple[UUID, UUID, UUID]]) -> None:
    """Let buyers read what they bought. A purchase is the ids of the asset, the buyer and the seller.

    The caller has locked the assets' rows. Roles that the buyers have do not change.
    """
    if purchases:
        await tx.execute(sql.grant_purchased_access, [new_id() for _ in purchases], *zip(*purchases, strict=True))


async def revoke_purchased_access(tx: Connection, asset_id: UUID, person_id: UUID) -> None:
    """Revoke a buyer's access after a full refund. The caller has locked the asset's row. Granted roles stay."""
    if await tx.fetchval(sql.revoke_purchased_access, asset_id, person_id):
        await tx.execute(sql.revoke_role, asset_id, person_id)


async def require_no_buyers(
    tx: Connection,
    asset_id: UUID,
    consequence: str,
    alternative: str | None = None,
    *,
    descendants: Sequence[UUID] = (),
) -> None:
    """Raises Conflict if a person bought the asset, the asset it is part of, or any of its `descendants`.

    `consequence` completes the message ("so it cannot be deleted"); `alternative` is what the owner can do without
    refunds. The caller has locked the asset's row. Until `tx` ends, nobody buys the asset or what it is part of.
    """
    await tx.execute(sql.lock_sold_asset, asset_id)
    sold = await tx.fetchrow(sql.count_buyers, [asset_id, *descendants], asset_id)
    assert sold is not None
    if (buyers := sold["buyers"]) == 0:
        return
    who = "1 person" if buyers == 1 else f"{buyers:,} people"
    what = "part of it"
    if sold["sold_id"] is not None:
        is_itself = sold["sold_id"] == asset_id
        what = "it" if is_itself else f"the {sold['sold_type']} {sold['sold_id']} that it is part of"
    otherwise = f", or {alternative}" if alternative else ""
    raise Conflict(f"{who} bought {what}, so {consequence}: refund each of their licences in full first{otherwise}.")
