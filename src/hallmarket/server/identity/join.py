"""Join an organization, or ask to; and decide who of those that ask is let in."""

from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Forbidden, NotFound
from hallmarket.server.http.exchange_dialect import Paged, page_of
from hallmarket.server.identity.members import add_member, tell_member
from hallmarket.server.identity.organization_types import Organization
from hallmarket.server.identity.organizations import (
    lock_as_admin,
    lock_as_somebody,
    no_organization,
    only_administrators,
    show,
)
from hallmarket.server.identity.register import create_membership
from hallmarket.server.identity.types import WireProfile, wire_profile
from hallmarket.server.notifications.notify import notify
from hallmarket.server.paging import Window
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


class OrganizationRequest(msgspec.Struct, frozen=True):
    """Somebody asks to join an organization."""

    id: UUID
    org_id: UUID
    user_id: UUID
    user: WireProfile
    status: str
    created_at: datetime


async def join(database: Database, principal: Principal, organization_id: UUID) -> Organization:
    """Become a member of an open organization, or ask one that takes requests; a member stays what they are.

    Raises Forbidden for one that does neither or is for others, NotFound, ApiKeyOrgMismatch, Unavailable.
    """
    async with database.transaction() as tx:
        if await lock_as_somebody(tx, principal, organization_id) is None:
            policy = await tx.fetchrow(sql.find_join_policy, organization_id, principal.person_id)
            assert policy is not None
            if policy["join_policy"] == "invite_only" or not policy["is_actor_type_allowed"]:
                raise Forbidden("This organization is not open to you; ask one of its administrators to add you.")
            if policy["join_policy"] == "open":
                await create_membership(tx, principal, organization_id, principal.person_id, "member")
            else:
                await _ask(tx, principal, organization_id, policy)
        return await show(tx, principal, organization_id)


async def _ask(tx: Connection, principal: Principal, organization_id: UUID, policy: asyncpg.Record) -> None:
    request_id = await tx.fetchval(sql.create_join_request, new_id(), organization_id, principal.person_id)
    if request_id is None:  # pending already
        return
    await _write_down(tx, principal, "create", organization_id, principal.person_id, request_id)
    administrators = [row["person_id"] for row in await tx.fetch(sql.list_administrators, organization_id)]
    await notify(
        tx,
        "other",
        administrators,
        source_id=principal.person_id,
        organization_id=organization_id,
        content={"text": f"{policy['username']} asks to join {policy['name']}."},
    )


async def list_requests(
    database: Database, principal: Principal, organization_id: UUID, window: Window
) -> Paged[OrganizationRequest]:
    """One page of those who ask to join, the longest waiting first, for administrators.

    Raises Forbidden, NotFound, Unavailable.
    """
    async with database.connection() as connection:
        rights = await connection.fetchrow(sql.find_role, organization_id, principal.person_id, principal.bound_to)
        if rights is None:
            raise no_organization()
        if rights["role"] != "admin":
            raise only_administrators()
        total = await connection.fetchval(sql.count_join_requests, organization_id)
        rows = await connection.fetch(
            sql.list_join_requests, organization_id, principal.person_id, window.offset, window.limit + 1
        )
    return page_of(window, rows, _wire_request, total)


async def approve(database: Database, principal: Principal, organization_id: UUID, request_id: UUID) -> None:
    """Let somebody in who asked, as an administrator. Raises NotFound, and as `lock_as_admin`."""
    async with database.transaction() as tx:
        await lock_as_admin(tx, principal, organization_id)
        person_id = await _settle(tx, organization_id, request_id)
        await _write_down(tx, principal, "approve", organization_id, person_id, request_id)
        await add_member(tx, principal, organization_id, person_id, "member")


async def reject(database: Database, principal: Principal, organization_id: UUID, request_id: UUID) -> None:
    """Refuse somebody who asked, as an administrator; they may ask again. Raises as `approve`."""
    async with database.transaction() as tx:
        await lock_as_admin(tx, principal, organization_id)
        person_id = await _settle(tx, organization_id, request_id)
        await _write_down(tx, principal, "reject", organization_id, person_id, request_id)
        await tell_member(tx, "other", principal, organization_id, person_id, "Your request to join {} was rejected.")


async def _settle(tx: Connection, organization_id: UUID, request_id: UUID) -> UUID:
    person_id = await tx.fetchval(sql.delete_join_request, organization_id, request_id)
    if person_id is None:
        raise NotFound("There is no such request, or it is decided already.")
    assert isinstance(person_id, UUID)
    return person_id


async def _write_down(
    tx: Connection, principal: Principal, verb: str, organization_id: UUID, person_id: UUID, request_id: UUID
) -> None:
    action = f"organization-request.{verb}"
    await record(tx, principal, action, organization_id=organization_id, subject_id=person_id, request=request_id)


def _wire_request(row: asyncpg.Record) -> OrganizationRequest:
    return OrganizationRequest(
        id=row["id"],
        org_id=row["organization_id"],
        user_id=row["person_id"],
        user=wire_profile(row),
        status="pending",
        created_at=row["created_on"],
    )
