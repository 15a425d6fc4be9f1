"""Who belongs to an organization: list, add, change roles, remove.

Every change holds the organization's lock (`lock_as_somebody`), so of two that together would leave no administrator
one is refused.
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
from hallmarket.server.http.exchange_dialect import Paged, page_of
from hallmarket.server.identity.keys import record_revocation
from hallmarket.server.identity.organizations import lock_as_admin, lock_as_somebody, no_organization
from hallmarket.server.identity.profile import find_someone
from hallmarket.server.identity.register import create_membership
from hallmarket.server.identity.types import WireProfile, wire_profile
from hallmarket.server.notifications.notify import notify
from hallmarket.server.paging import Window
from hallmarket.server.principal import Principal

sql = load_queries(__package__)

Role = Literal["member", "admin"]


class AddMember(msgspec.Struct, frozen=True):
    """The body of `POST /organizations/{id}/members`: somebody by `username` or by `user_id`."""

    username: str | None = None
    user_id: UUID | None = None
    role: Role = "member"


class ChangeRole(msgspec.Struct, frozen=True):
    """The body of `PUT /organizations/{id}/members/{user}`."""

    role: Role


class Member(msgspec.Struct, frozen=True):
    """Somebody's place in an organization."""

    user_id: UUID
    user: WireProfile
    role: str
    membership_type: str
    added_at: datetime


async def list_members(
    database: Database, principal: Principal, organization_id: UUID, window: Window
) -> Paged[Member]:
    """One page of an organization's members, administrators first, for its members only.

    Raises NotFound for everybody else, Unavailable.
    """
    async with database.connection() as connection:
        if not await connection.fetchval(sql.find_role, organization_id, principal.person_id, principal.bound_to):
            raise no_organization()
        total = await connection.fetchval(sql.count_people, organization_id)
        rows = await connection.fetch(
            sql.list_members, organization_id, principal.person_id, None, window.offset, window.limit + 1
        )
    return page_of(window, rows, _wire_member, total)


async def add(database: Database, principal: Principal, organization_id: UUID, wanted: AddMember) -> Member:
    """Make somebody a member, as an administrator. Raises Duplicate for a member, and as `lock_as_admin`."""
    if (wanted.username is None) == (wanted.user_id is None):
        raise InvalidRequest("Say who by username or by user_id, one of the two.", "username")
    async with database.transaction() as tx:
        await lock_as_admin(tx, principal, organization_id)
        person_id = await find_someone(tx, str(wanted.user_id) if wanted.username is None else wanted.username)
        await add_member(tx, principal, organization_id, person_id, wanted.role)
        return await _get_member(tx, principal, organization_id, person_id)


async def change_role(
    database: Database, principal: Principal, organization_id: UUID, name_or_id: str, role: str
) -> Member:
    """Give a member another role, as an administrator. Raises NotFound, LastAdministrator, and as `lock_as_admin`."""
    async with database.transaction() as tx:
        await lock_as_admin(tx, principal, organization_id)
        person_id = await find_someone(tx, name_or_id)
        await set_role(tx, principal, organization_id, person_id, role)
        return await _get_member(tx, principal, organization_id, person_id)


async def remove(database: Database, principal: Principal, organization_id: UUID, name_or_id: str) -> None:
    """Take somebody out of an organization, as its administrator; or leave it oneself.

    Raises NotFound, LastAdministrator, and as `lock_as_admin`.
    """
    async with database.transaction() as tx:
        person_id = await find_someone(tx, name_or_id)
        if person_id == principal.person_id:
            await lock_as_somebody(tx, principal, organization_id)
        else:
            await lock_as_admin(tx, principal, organization_id)
        await remove_member(tx, principal, organization_id, person_id)


async def add_member(tx: Connection, principal: Principal, organization_id: UUID, person_id: UUID, role: str) -> None:
    """Make a person a member and tell them; the organization is locked. Raises Duplicate."""
    if not await create_membership(tx, principal, organization_id, person_id, role):
        raise Duplicate("They are a member already.")
    await tell_member(tx, "invite", principal, organization_id, person_id, f"You are now {_called(role)} of {{}}.")


async def set_role(tx: Connection, principal: Principal, organization_id: UUID, person_id: UUID, role: str) -> None:
    """Give a member another role and tell them; the organization is locked. Raises NotFound, LastAdministrator."""
    before = await tx.fetchval(sql.find_membership, organization_id, person_id)
    if before is None:
        raise no_member()
    if before == role:
        return
    if await tx.fetchval(sql.change_role, organization_id, person_id, role) is None:
        raise LastAdministrator
    await record(
        tx, principal, "member.role", organization_id=organization_id, subject_id=person_id, role=role, before=before
    )
    await tell_member(tx, "other", principal, organization_id, person_id, f"You are now {_called(role)} of {{}}.")


async def remove_member(tx: Connection, principal: Principal, organization_id: UUID, person_id: UUID) -> None:
    """Take a member out, end their keys bound to the organization, and tell them; the organization is locked.

    Raises NotFound, LastAdministrator.
    """
    if await tx.fetchval(sql.find_membership, organization_id, person_id) is None:
        raise no_member()
    role = await tx.fetchval(sql.delete_membership, organization_id, person_id)
    if role is None:
        raise LastAdministrator
    revoked = await tx.fetch(sql.revoke_keys_of_member, organization_id, person_id)
    for row in revoked:
        await record_revocation(tx, principal, row)
    keys = [str(row["id"]) for row in revoked]
    await record(
        tx,
        principal,
        "member.remove",
        organization_id=organization_id,
        subject_id=person_id,
        role=role,
        revoked_keys=keys,
    )
    await tell_member(tx, "other", principal, organization_id, person_id, "You are no longer a member of {}.")


def no_member() -> NotFound:
    """What is said of somebody who does not belong to an organization."""
    return NotFound("They are no member of this organization.")


async def _get_member(tx: Connection, principal: Principal, organization_id: UUID, person_id: UUID) -> Member:
    (row,) = await tx.fetch(sql.list_members, organization_id, principal.person_id, person_id, 0, 1)
    return _wire_member(row)


async def tell_member(
    tx: Connection, kind: str, principal: Principal, organization_id: UUID, person_id: UUID, text: str
) -> None:
    """Notify somebody of what has become of them in an organization; `{}` in the text is its name."""
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


def _called(role: str) -> str:
    return "an administrator" if role == "admin" else "a member"


def _wire_member(row: asyncpg.Record) -> Member:
    return Member(row["person_id"], wire_profile(row), row["role"], "internal", row["joined_on"])
