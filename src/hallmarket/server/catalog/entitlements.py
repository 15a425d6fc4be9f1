"""What people may read because they paid for it, beside any role that somebody granted them; and that it stays.

A buyer of an asset bought what is part of it as well: whatever stands in it and inherits from it, save what was said.
"""

from collections.abc import Sequence
from uuid import UUID

from hallmarket.server.catalog.access import sql
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.ids import new_id
from hallmarket.server.errors import Conflict


async def grant_purchased_access(tx: Connection, bought: Sequence[tuple[UUID, UUID, UUID]]) -> None:
    """Let buyers read what they bought, for good: an asset, its buyer and its seller each.

    Whoever calls this holds the assets' rows. A role that a buyer was granted stays what it is.
    """
    if bought:
        await tx.execute(sql.grant_purchased_access, [new_id() for _ in bought], *zip(*bought, strict=True))


async def revoke_purchased_access(tx: Connection, asset_id: UUID, person_id: UUID) -> None:
    """End what somebody may read because they paid for it: all of it was paid back.

    Whoever calls this holds the asset's row. A role that they were granted stays what it is.
    """
    if await tx.fetchval(sql.revoke_purchased_access, asset_id, person_id):
        await tx.execute(sql.revoke_role, asset_id, person_id)


async def require_no_buyers(
    tx: Connection, asset_id: UUID, so: str, instead: str | None = None, *, ids: Sequence[UUID] = ()
) -> None:
    """Raises Conflict if somebody bought an asset, what it is part of, or any of `ids`.

    `so` says what follows from it, `instead` what may be done other than giving their money back. Whoever calls this
    holds the asset's row; nobody buys it, or what it is part of, until `tx` ends.
    """
    await tx.execute(sql.lock_sold_asset, asset_id)
    sold = await tx.fetchrow(sql.count_buyers, [asset_id, *ids], asset_id)
    assert sold is not None
    if (buyers := sold["buyers"]) == 0:
        return
    who = "1 person" if buyers == 1 else f"{buyers:,} people"
    what = "of what is in it"
    if sold["sold_id"] is not None:
        is_itself = sold["sold_id"] == asset_id
        what = "it" if is_itself else f"the {sold['sold_type']} {sold['sold_id']} that it is part of"
    otherwise = f", or {instead}" if instead else ""
    raise Conflict(f"{who} bought {what}, so {so}: refund each of their licences in full first{otherwise}.")
