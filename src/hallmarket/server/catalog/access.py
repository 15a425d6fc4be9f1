"""Check what a principal may do to an asset. The rule itself is the database function `asset_role`."""

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
    connection: Connection, principal: Principal, asset_id: UUID, required_role: int, asset_type: str | None = None
) -> Access:
    """Return an asset if the principal has at least the required role: LISTED, READ, WRITE or ADMIN.

    Raises NotFound if the principal may not know of the asset or if it has another type, Locked if it must be bought
    first, Forbidden if the principal may read it but not do more.
    """
    row = await connection.fetchrow(sql.find_access, asset_id, *principal.viewer)
    if row is None or asset_type not in (None, row["asset_type"]):
        raise NotFound(f"There is no such {asset_type or 'asset'}.")
    access = msgspec.convert(dict(row), Access, builtin_types=(UUID,))
    if access.role < required_role:
        raise await _access_error(connection, access, required_role)
    return access


async def lock_access(
    tx: Connection, principal: Principal, asset_id: UUID, required_role: int, asset_type: str | None = None
) -> Access:
    """As `get_access`, and keep others from changing the asset and its permissions until the transaction ends."""
    await tx.execute(sql.lock_asset, asset_id)
    # A separate statement sees what was committed while this one waited for the lock.
    return await get_access(tx, principal, asset_id, required_role, asset_type)


async def _access_error(connection: Connection, access: Access, required_role: int) -> Forbidden:
    asset_type = access.asset_type
    if access.role == LISTED:
        sold = await connection.fetchrow(sql.find_sold_asset, access.id)
        if sold is None:  # deleted at this moment
            return Locked(f"Unlock this {asset_type} to see what is in it.", {"assetId": str(access.id)})
        message = unlock_message(sold, asset_type, inherits=sold["id"] != access.id)
        return Locked(message, {"assetId": str(sold["id"])})
    assert access.role in (READ, WRITE)
    if required_role == ADMIN:
        return Forbidden(f"Only administrators of this {asset_type} may do this.")
    return Forbidden(f"You may read this {asset_type}, but not change it.")
