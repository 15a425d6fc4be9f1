"""What a caller may do to an asset: one rule, `asset_role` of the database, asked wherever it matters."""

from uuid import UUID

import msgspec

from hallmarket.server.catalog.pricing import unlock_message
from hallmarket.server.catalog.types import ADMIN, LISTED, READ, WRITE, Access
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Forbidden, Locked, NotFound
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


async def get_access(
    connection: Connection, principal: Principal, asset_id: UUID, needed: int, asset_type: str | None = None
) -> Access:
    """An asset that the caller may do something to: LISTED, READ, WRITE or ADMIN.

    Raises NotFound if the caller may not know of it or it is of another type, Locked if it must be bought before it is
    read, Forbidden if they may read it and no more.
    """
    row = await connection.fetchrow(sql.find_access, asset_id, *principal.viewer)
    if row is None or asset_type not in (None, row["asset_type"]):
        raise NotFound(f"There is no such {asset_type or 'asset'}.")
    access = msgspec.convert(dict(row), Access, builtin_types=(UUID,))
    if access.role < needed:
        raise await _refusal(connection, access, needed)
    return access


async def lock_access(
    tx: Connection, principal: Principal, asset_id: UUID, needed: int, asset_type: str | None = None
) -> Access:
    """As `get_access`; nobody else changes the asset, or who may do what to it, until the transaction ends."""
    await tx.execute(sql.lock_asset, asset_id)
    # A statement of its own: it sees what was committed while the lock was waited for.
    return await get_access(tx, principal, asset_id, needed, asset_type)


async def _refusal(connection: Connection, access: Access, needed: int) -> Forbidden:
    kind = access.asset_type
    if access.role == LISTED:
        offer = await connection.fetchrow(sql.find_sold_asset, access.id)
        if offer is None:  # deleted at this moment
            return Locked(f"Unlock this {kind} to see what is in it.", {"assetId": str(access.id)})
        words = unlock_message(offer, kind, inherits=offer["id"] != access.id)
        return Locked(words, {"assetId": str(offer["id"])})  # what is to be bought
    assert access.role in (READ, WRITE)
    if needed == ADMIN:
        return Forbidden(f"Only administrators of this {kind} may do this.")
    return Forbidden(f"You may read this {kind}, but not change it.")
