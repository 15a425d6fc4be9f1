"""Requests to join an organization: its administrators list, approve and reject them."""

from datetime import datetime
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import NotFound
from hallmarket.server.identity.members import insert_member, notify_member
from hallmarket.server.identity.organizations import (
    administrators_only,
    lock_as_administrator,
    organization_not_found,
)
from hallmarket.server.identity.types import WireProfile, wire_profile
from hallmarket.server.paging import Page, Window, make_page
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


class OrganizationRequest(msgspec.Struct, frozen=True):
    """A pending request to join an organization."""

    id: UUID
    org_id: UUID
    user_id: UUID
    user: WireProfile
    status: str
    created_at: datetime


async def list_join_requests(
    database: Database, principal: Principal, organization_id: UUID, window: Window
) -> Page[OrganizationRequest]:
    """List the pending requests of an organization that the caller administers, oldest first.

    Raises Forbidden, NotFound, Unavailable.
    """
    async with database.connection() as connection:
        rights = await connection.fetchrow(sql.find_role, organization_id, principal.person_id, principal.bound_to)
        if rights is None:
            raise organization_not_found()
        if rights["role"] != "admin":
            raise administrators_only()
        total = await connection.fetchval(sql.count_join_requests, organization_id)
        rows = await connection.fetch(
            sql.list_join_requests, organization_id, principal.person_id, window.offset, window.limit + 1
        )
    return make_page(window, rows, _wire_request, total)


async def approve_join_request(
    database: Database, principal: Principal, organization_id: UUID, request_id: UUID
) -> None:
    """Approve a request: the person becomes a member. Raises NotFound, and what `lock_as_administrator` raises."""
    async with database.transaction() as tx:
        await lock_as_administrator(tx, principal, organization_id)
        person_id = await _decide(tx, principal, "approve", organization_id, request_id)
        await insert_member(tx, principal, organization_id, person_id, "member")


async def reject_join_request(
    database: Database, principal: Principal, organization_id: UUID, request_id: UUID
) -> None:
    """Reject a request; the person may send another. Raises NotFound, and what `lock_as_administrator` raises."""
    async with database.transaction() as tx:
        await lock_as_administrator(tx, principal, organization_id)
        person_id = await _decide(tx, principal, "reject", organization_id, request_id)
        text = "Your request to join {} was rejected."
        await notify_member(tx, "other", principal, organization_id, person_id, text)


async def _decide(tx: Connection, principal: Principal, verb: str, organization_id: UUID, request_id: UUID) -> UUID:
    """Delete a request, record the decision in the audit trail, and return the person's id. Raises NotFound."""
    person_id = await tx.fetchval(sql.delete_join_request, organization_id, request_id)
    if person_id is None:
        raise NotFound("There is no such request, or it has already been decided.")
    assert isinstance(person_id, UUID)
    fields = {"organization_id": organization_id, "subject_id": person_id}
    await record(tx, principal, f"organization-request.{verb}", **fields, request=request_id)
    return person_id


def _wire_request(row: asyncpg.Record) -> OrganizationRequest:
    return OrganizationRequest(
        id=row["id"],
        org_id=row["organization_id"],
        user_id=row["person_id"],
        user=wire_profile(row),
        status="pending",
        created_at=row["created_on"],
    )
