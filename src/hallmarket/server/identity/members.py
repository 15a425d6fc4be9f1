"""Members of an organization: list and add them, change their roles, remove them.

Every change locks the organization (`lock_organization`). Of two changes that together would leave no administrator,
one therefore fails.
"""

from datetime import datetime
from typing import Literal
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Duplicate, InvalidRequest, LastAdministrator, NotFound
from hallmarket.server.identity.api_keys import record_revocation
from hallmarket.server.identity.organizations import lock_as_administrator, lock_organization, organization_not_found
from hallmarket.server.identity.profile import get_person_id
from hallmarket.server.identity.provisioning import create_membership
from hallmarket.server.identity.types import WireProfile, wire_profile
from hallmarket.server.notifications.notify import notify
from hallmarket.server.paging import Page, Window, make_page
from hallmarket.server.principal import Principal

sql = load_queries(__package__)

Role = Literal["member", "admin"]


class AddMember(msgspec.Struct, frozen=True):
    """The body of `POST /organizations/{id}/members`: a person by `username` or by `user_id`."""

    username: str | None = None
    user_id: UUID | None = None
    role: Role = "member"


class ChangeRole(msgspec.Struct, frozen=True):
    """The body of `PUT /organizations/{id}/members/{user}`."""

    role: Role


class Member(msgspec.Struct, frozen=True):
    """A member of an organization."""

    user_id: UUID
    user: WireProfile
    role: str
    membership_type: str
    added_at: datetime


async def list_members(database: Database, principal: Principal, organization_id: UUID, window: Window) -> Page[Member]:
    """List an organization's members, administrators first. Raises NotFound if the caller is not one, Unavailable."""
    async with database.connection() as connection:
        if not await connection.fetchval(sql.find_role, organization_id, principal.person_id, principal.bound_to):
            raise organization_not_found()
        total = await connection.fetchval(sql.count_people, organization_id)
        rows = await connection.fetch(
            sql.list_members, organization_id, principal.person_id, None, window.offset, window.limit + 1
        )
    return make_page(window, rows, _wire_member, total)


async def add_member(database: Database, principal: Principal, organization_id: UUID, new: AddMember) -> Member:
    """Add a member to an organization that the caller administers.

    Raises InvalidRequest, Duplicate for a member, NotFound, and what `lock_as_administrator` raises.
    """
    if (new.username is None) == (new.user_id is None):
        raise InvalidRequest("Name the person by either username or user_id.", "username")
    async with database.transaction() as tx:
        await lock_as_administrator(tx, principal, organization_id)
        person_id = await get_person_id(tx, str(new.user_id) if new.username is None else new.username)
        await insert_member(tx, principal, organization_id, person_id, new.role)
        return await _get_member(tx, principal, organization_id, person_id)


async def change_role(
    database: Database, principal: Principal, organization_id: UUID, name_or_id: str, role: str
) -> Member:
    """Change a member's role in an organization that the caller administers.

    Raises NotFound, LastAdministrator, and what `lock_as_administrator` raises.
    """
    async with database.transaction() as tx:
        await lock_as_administrator(tx, principal, organization_id)
        person_id = await get_person_id(tx, name_or_id)
        await update_role(tx, principal, organization_id, person_id, role)
        return await _get_member(tx, principal, organization_id, person_id)


async def remove_member(database: Database, principal: Principal, organization_id: UUID, name_or_id: str) -> None:
    """Remove a member from an organization that the caller administers, or the caller from any.

    Raises NotFound, LastAdministrator, and what `lock_as_administrator` raises.
    """
    async with database.transaction() as tx:
        person_id = await get_person_id(tx, name_or_id)
        if person_id == principal.person_id:
            await lock_organization(tx, principal, organization_id)
        else:
            await lock_as_administrator(tx, principal, organization_id)
        await delete_member(tx, principal, organization_id, person_id)


async def insert_member(
    tx: Connection, principal: Principal, organization_id: UUID, person_id: UUID, role: str
) -> None:
    """Make a person a member and notify them. The caller has locked the organization. Raises Duplicate."""
    if not await create_membership(tx, principal, organization_id, person_id, role):
        raise Duplicate("They are already a member.")
    text = f"You are now {_role_phrase(role)} of {{}}."
    await notify_member(tx, "invite", principal, organization_id, person_id, text)


async def update_role(tx: Connection, principal: Principal, organization_id: UUID, person_id: UUID, role: str) -> None:
    """Change a member's role and notify them. The caller has locked the organization.

    Raises NotFound, LastAdministrator.
    """
    before = await tx.fetchval(sql.find_membership, organization_id, person_id)
    if before is None:
        raise member_not_found()
    if before == role:
        return
    if await tx.fetchval(sql.change_role, organization_id, person_id, role) is None:
        raise LastAdministrator
    await record(
        tx, principal, "member.role", organization_id=organization_id, subject_id=person_id, role=role, before=before
    )
    text = f"You are now {_role_phrase(role)} of {{}}."
    await notify_member(tx, "other", principal, organization_id, person_id, text)


async def delete_member(tx: Connection, principal: Principal, organization_id: UUID, person_id: UUID) -> None:
    """Remove a member, revoke their keys that are bound to the organization, and notify them.

    The caller has locked the organization. Raises NotFound, LastAdministrator.
    """
    if await tx.fetchval(sql.find_membership, organization_id, person_id) is None:
        raise member_not_found()
    role = await tx.fetchval(sql.delete_membership, organization_id, person_id)
    if role is None:
        raise LastAdministrator
    revoked = await tx.fetch(sql.revoke_keys_of_member, organization_id, person_id)
    for row in revoked:
        await record_revocation(tx, principal, row)
    await record(
        tx,
        principal,
        "member.remove",
        organization_id=organization_id,
        subject_id=person_id,
        role=role,
        revoked_keys=[str(row["id"]) for row in revoked],
    )
    await notify_member(tx, "other", principal, organization_id, person_id, "You are no longer a member of {}.")


def member_not_found() -> NotFound:
    """Return the error for a person who is not a member of an organization."""
    return NotFound("They are not a member of this organization.")


async def _get_member(tx: Connection, principal: Principal, organization_id: UUID, person_id: UUID) -> Member:
    (row,) = await tx.fetch(sql.list_members, organization_id, principal.person_id, person_id, 0, 1)
    return _wire_member(row)


async def notify_member(
    tx: Connection, kind: str, principal: Principal, organization_id: UUID, person_id: UUID, text: str
) -> None:
    """Notify a person of a change to their membership. `{}` in the text stands for the organization's name."""
    organization = await tx.fetchrow(sql.find_organization, organization_id)
    assert organization is not None
    await notify(
        tx,
        kind,
        [person_id],
        source_id=principal.actor_id,
        organization_id=organization_id,
        content={"text": text.format(organization["name"])},
    )


def _role_phrase(role: str) -> str:
    return "an administrator" if role == "admin" else "a member"


def _wire_member(row: asyncpg.Record) -> Member:
    return Member(row["person_id"], wire_profile(row), row["role"], "internal", row["joined_on"])
