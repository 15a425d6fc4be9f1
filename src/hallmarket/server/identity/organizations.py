"""Organizations of the exchange dialect: list, get, create and update them.

On the wire `name` is the slug, which is part of URLs and never changes; `display_name` is the name for people.
"""

from typing import Any
from uuid import UUID

import asyncpg
from msgspec import UNSET, structs

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Forbidden, InvalidRequest, NotFound
from hallmarket.server.identity.provisioning import create_membership
from hallmarket.server.identity.provisioning import create_organization as insert_organization
from hallmarket.server.identity.types import (
    PERSONAL,
    NewOrganization,
    Organization,
    OrganizationChanges,
    wire_organization,
)
from hallmarket.server.paging import Page, Window, make_page
from hallmarket.server.principal import PERSONAL_CONTEXT, Principal

sql = load_queries(__package__)


async def list_own_organizations(database: Database, principal: Principal, window: Window) -> Page[Organization]:
    """List the organizations that the caller is a member of, by name. Raises Unavailable."""
    arguments = (principal.person_id, principal.bound_to)
    return await _list(database, principal, window, sql.list_own_organizations, *arguments)


async def list_discoverable_organizations(
    database: Database, principal: Principal, window: Window
) -> Page[Organization]:
    """List the public organizations that the caller is not a member of, by name. Raises Unavailable."""
    return await _list(database, principal, window, sql.list_discoverable_organizations, principal.person_id)


async def get_organization(database: Database, principal: Principal, organization_id: UUID) -> Organization:
    """Return an organization; the zero UUID is the personal context. Raises NotFound, Unavailable."""
    if organization_id == PERSONAL_CONTEXT:
        return PERSONAL
    async with database.connection() as connection:
        return await load_organization(connection, principal, organization_id)


async def get_current_organization(database: Database, principal: Principal) -> Organization:
    """Return the organization that the caller acts in. Raises Unavailable."""
    return await get_organization(database, principal, principal.organization_id or PERSONAL_CONTEXT)


async def get_organization_by_name(database: Database, principal: Principal, name: str) -> Organization:
    """Return the organization with this slug or display name, the caller's own first. Raises NotFound, Unavailable."""
    if name == PERSONAL.name:
        return PERSONAL
    async with database.connection() as connection:
        found = await connection.fetchval(sql.find_organization_by_name, principal.person_id, principal.bound_to, name)
        if found is None:
            raise organization_not_found()
        return await load_organization(connection, principal, found)


async def create_organization(database: Database, principal: Principal, new: NewOrganization) -> Organization:
    """Create an organization with the caller as its administrator.

    Raises InvalidRequest if it has neither name, Duplicate if the slug is taken, ApiKeyOrgMismatch for a credential
    that is bound to an organization, Unavailable.
    """
    principal.require_organization(None)
    slug = None if new.name is UNSET else new.name
    display_name = slug if new.display_name is UNSET else new.display_name.strip()
    if display_name is None or "\0" in display_name:
        raise InvalidRequest("An organization needs a display_name or a name, without NUL.", "display_name")
    async with database.transaction() as tx:
        organization_id = await insert_organization(tx, display_name, slug=slug, principal=principal)
        current = await tx.fetchrow(sql.lock_organization, organization_id)
        assert current is not None
        await _store(tx, current, _find_changes(current, new))
        await create_membership(tx, principal, organization_id, principal.person_id, "admin")
        return await load_organization(tx, principal, organization_id)


async def update_organization(
    database: Database, principal: Principal, organization_id: UUID, changes: OrganizationChanges
) -> Organization:
    """Change an organization that the caller administers. Raises what `lock_as_administrator` raises."""
    async with database.transaction() as tx:
        await lock_as_administrator(tx, principal, organization_id)
        await apply_changes(tx, principal, organization_id, changes)
        return await load_organization(tx, principal, organization_id)


async def apply_changes(
    tx: Connection, principal: Principal, organization_id: UUID, changes: OrganizationChanges
) -> None:
    """Change an organization and record the changes in the audit trail. Raises NotFound."""
    current = await tx.fetchrow(sql.lock_organization, organization_id)
    if current is None:
        raise organization_not_found()
    if changed := _find_changes(current, changes):
        await _store(tx, current, changed)
        await record(
            tx, principal, "organization.update", organization_id=organization_id, subject_id=organization_id, **changed
        )


async def lock_as_administrator(tx: Connection, principal: Principal, organization_id: UUID) -> None:
    """Lock an organization that the caller administers, against other changes until the transaction ends.

    Raises ApiKeyOrgMismatch, NotFound for an organization that the caller may not see, Forbidden.
    """
    if await lock_organization(tx, principal, organization_id) != "admin":
        raise administrators_only()


async def lock_organization(tx: Connection, principal: Principal, organization_id: UUID) -> str | None:
    """Lock an organization that the caller may see. Returns the caller's role, or None if they are not a member.

    Raises ApiKeyOrgMismatch, NotFound.
    """
    principal.require_organization(organization_id)
    await tx.execute(sql.lock_organization, organization_id)
    # A separate statement, so that it sees what other transactions committed while this one waited for the lock.
    rights = await tx.fetchrow(sql.find_role, organization_id, principal.person_id, principal.bound_to)
    if rights is None:
        raise organization_not_found()
    role: str | None = rights["role"]
    return role


async def load_organization(connection: Connection, principal: Principal, organization_id: UUID) -> Organization:
    """Return an organization as the caller sees it. Raises NotFound."""
    found = await _load_all(connection, principal, [organization_id])
    if not found:
        raise organization_not_found()
    return found[0]


def administrators_only() -> Forbidden:
    """Return the error for a caller who may see an organization but does not administer it."""
    return Forbidden("Only administrators of the organization may do this.")


def organization_not_found() -> NotFound:
    """Return the error for an organization that does not exist or that the caller may not see."""
    return NotFound("There is no such organization.")


async def _load_all(connection: Connection, principal: Principal, ids: list[UUID]) -> list[Organization]:
    rows = await connection.fetch(sql.get_organizations, principal.person_id, principal.bound_to, ids)
    return [wire_organization(row) for row in rows]


async def _list(
    database: Database, principal: Principal, window: Window, query: str, *arguments: UUID | None
) -> Page[Organization]:
    async with database.connection() as connection:
        found = await connection.fetchrow(query, *arguments, window.offset, window.limit + 1)
        assert found is not None
        ids: Page[UUID] = make_page(window, found["ids"], lambda organization_id: organization_id, found["total"])
        organizations = await _load_all(connection, principal, ids.items)
    return Page(organizations, window, ids.has_more, ids.total)


def _find_changes(current: asyncpg.Record, changes: OrganizationChanges) -> dict[str, Any]:
    given = {
        field: value for field, value in structs.asdict(changes).items() if value is not UNSET and field in current
    }
    if "display_name" in given:
        given["display_name"] = given["display_name"].strip()
    return {field: value for field, value in given.items() if value != current[field]}


async def _store(tx: Connection, current: asyncpg.Record, changed: dict[str, Any]) -> None:
    new = dict(current) | changed
    await tx.execute(
        sql.update_organization,
        new["id"],
        new["display_name"],
        new["website_url"],
        new["mission"],
        new["avatar_path"],
        new["join_policy"],
        new["visibility"],
        new["source_policy"],
        new["actor_type_policy"],
    )
