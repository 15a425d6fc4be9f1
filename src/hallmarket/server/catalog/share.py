"""Share an asset: grant, change or revoke a person's role, and list the permissions."""

from typing import Literal
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.audit.record import record
from hallmarket.server.catalog.access import get_access, lock_access
from hallmarket.server.catalog.types import ADMIN, READ, Access, WirePermission
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Conflict
from hallmarket.server.identity.profile import get_person_id
from hallmarket.server.identity.types import wire_profile
from hallmarket.server.notifications.notify import notify
from hallmarket.server.paging import Page, Window, make_page
from hallmarket.server.principal import PERSONAL_CONTEXT, Principal

sql = load_queries(__package__)


class Grantee(msgspec.Struct, frozen=True):
    """The person who gets a role."""

    user_id: UUID


class Grant(msgspec.Struct, frozen=True):
    """A person's new role; `none` revokes it."""

    user: Grantee
    role: Literal["read", "write", "admin", "none"]


class Share(msgspec.Struct, frozen=True):
    """The body of `PUT /assets/{id}/share`."""

    permission: Grant


async def share_asset(
    database: Database, principal: Principal, asset_id: UUID, grant: Grant, asset_type: str | None = None
) -> None:
    """Grant a person a role on an asset that the principal administers, and notify them; or revoke their role.

    Bought access does not change. Raises NotFound for the asset or the person, Forbidden, Conflict for the owner.
    """
    async with database.transaction() as tx:
        access = await lock_access(tx, principal, asset_id, ADMIN, asset_type)
        person_id = await get_person_id(tx, str(grant.user.user_id))
        if person_id == access.owner_id:
            raise Conflict("The owner's role is always admin.")
        if grant.role == "none":
            await tx.execute(sql.revoke_role, asset_id, person_id)
        else:
            await tx.execute(sql.grant_role, new_id(), asset_id, person_id, grant.role, principal.person_id)
            await _notify_grantee(tx, principal, access, person_id, grant.role)
        await record(
            tx,
            principal,
            "asset.share",
            organization_id=access.organization_id,
            subject_id=asset_id,
            with_person=str(person_id),
            role=grant.role,
        )


async def list_permissions(
    database: Database, principal: Principal, asset_id: UUID, window: Window, asset_type: str | None = None
) -> Page[WirePermission]:
    """Return the permissions on an asset, the owner's first. Only administrators see those of other people.

    Raises NotFound, Locked.
    """
    async with database.connection() as connection:
        access = await get_access(connection, principal, asset_id, READ, asset_type)
        rows = await connection.fetch(
            sql.list_permissions,
            *(asset_id, window.offset, window.limit + 1, access.role == ADMIN, principal.person_id),
        )
    return make_page(window, rows, _wire_permission)


async def _notify_grantee(tx: Connection, principal: Principal, access: Access, person_id: UUID, role: str) -> None:
    title = access.name or f"a {access.asset_type}"
    await notify(
        tx,
        "share",
        [person_id],
        source_id=principal.person_id,
        organization_id=access.organization_id,
        asset_id=access.id,
        content={
            "text": f"{principal.username} shared {title} with you: {role}",
            "asset": {"assetId": str(access.id), "assetType": access.asset_type},
        },
    )


def _wire_permission(row: asyncpg.Record) -> WirePermission:
    return WirePermission(
        id=row["id"],
        asset_id=row["asset_id"],
        asset_type=row["asset_type"],
        role=row["role"],
        bought=row["bought"],
        user_id=row["person_id"],
        user=wire_profile(row),
        org_id=row["organization_id"] or PERSONAL_CONTEXT,
        visibility=row["visibility"],
        granter_id=row["granter_id"],
        created_at=row["created_on"],
        last_updated=row["updated_on"],
    )
