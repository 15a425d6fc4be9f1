"""Join an organization, or request to join it."""

from uuid import UUID

import asyncpg

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Forbidden
from hallmarket.server.identity.organizations import load_organization, lock_organization
from hallmarket.server.identity.provisioning import create_membership
from hallmarket.server.identity.types import Organization
from hallmarket.server.notifications.notify import notify
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


async def join_organization(database: Database, principal: Principal, organization_id: UUID) -> Organization:
    """Join an organization that is open, or request to join one that takes requests. A member's role stays as it is.

    Raises Forbidden if the organization is by invitation only or does not admit the caller's type of actor, NotFound,
    ApiKeyOrgMismatch, Unavailable.
    """
    async with database.transaction() as tx:
        if await lock_organization(tx, principal, organization_id) is None:
            policy = await tx.fetchrow(sql.find_join_policy, organization_id, principal.person_id)
            assert policy is not None
            if policy["join_policy"] == "invite_only" or not policy["is_actor_type_allowed"]:
                raise Forbidden("This organization is not open to you. Ask one of its administrators to add you.")
            if policy["join_policy"] == "open":
                await create_membership(tx, principal, organization_id, principal.person_id, "member")
            else:
                await _request_to_join(tx, principal, organization_id, policy)
        return await load_organization(tx, principal, organization_id)


async def _request_to_join(tx: Connection, principal: Principal, organization_id: UUID, policy: asyncpg.Record) -> None:
    person_id = principal.person_id
    request_id = await tx.fetchval(sql.create_join_request, new_id(), organization_id, person_id)
    if request_id is None:  # there is a pending request already
        return
    await record(
        tx,
        principal,
        "organization-request.create",
        organization_id=organization_id,
        subject_id=person_id,
        request=request_id,
    )
    administrators = [row["person_id"] for row in await tx.fetch(sql.list_administrators, organization_id)]
    await notify(
        tx,
        "other",
        administrators,
        source_id=person_id,
        organization_id=organization_id,
        content={"text": f"{policy['username']} asks to join {policy['name']}."},
    )
