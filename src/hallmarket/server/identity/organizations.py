"""Organizations as the exchange shows them: list, find, create, change.

On the wire `name` is the slug, which addresses use and which stays; `display_name` is what people call it.
"""

from typing import Any
from uuid import UUID

import asyncpg
from msgspec import UNSET, structs

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Forbidden, InvalidRequest, NotFound
from hallmarket.server.http.exchange_dialect import Paged, page_of
from hallmarket.server.identity.organization_types import (
    PERSONAL,
    NewOrganization,
    Organization,
    OrganizationChanges,
    wire_organization,
)
from hallmarket.server.identity.register import create_membership, create_organization
from hallmarket.server.paging import Window
from hallmarket.server.principal import PERSONAL_CONTEXT, Principal

sql = load_queries(__package__)


async def list_own(database: Database, principal: Principal, window: Window) -> Paged[Organization]:
    """One page of the organizations the caller belongs to, by name. Raises Unavailable."""
    return await _list(database, principal, window, sql.list_own_organizations, principal.person_id, principal.bound_to)


async def list_discoverable(database: Database, principal: Principal, window: Window) -> Paged[Organization]:
    """One page of the public organizations the caller does not belong to, by name. Raises Unavailable."""
    return await _list(database, principal, window, sql.list_discoverable_organizations, principal.person_id)


async def get_organization(database: Database, principal: Principal, organization_id: UUID) -> Organization:
    """One organization; the zero UUID is the person alone. Raises NotFound, Unavailable."""
    if organization_id == PERSONAL_CONTEXT:
        return PERSONAL
    async with database.connection() as connection:
        return await show(connection, principal, organization_id)


async def get_context(database: Database, principal: Principal) -> Organization:
    """The organization the request runs in. Raises Unavailable."""
    return await get_organization(database, principal, principal.organization_id or PERSONAL_CONTEXT)


async def find_by_name(database: Database, principal: Principal, name: str) -> Organization:
    """An organization by its slug or its exact name for people, one's own first. Raises NotFound, Unavailable."""
    if name == PERSONAL.name:
        return PERSONAL
    async with database.connection() as connection:
        found = await connection.fetchval(sql.find_organization_by_name, principal.person_id, principal.bound_to, name)
        if found is None:
            raise no_organization()
        return await show(connection, principal, found)


async def create(database: Database, principal: Principal, wanted: NewOrganization) -> Organization:
    """Make an organization whose administrator is the caller.

    Raises InvalidRequest without any name, Duplicate for a slug that is taken, ApiKeyOrgMismatch for a bound key,
    Unavailable.
    """
    principal.require_organization(None)
    slug = None if wanted.name is UNSET else wanted.name
    display_name = slug if wanted.display_name is UNSET else wanted.display_name.strip()
    if display_name is None or "\0" in display_name:
        raise InvalidRequest("An organization needs a display_name or a name, without NUL.", "display_name")
    async with database.transaction() as tx:
        organization_id = await create_organization(tx, display_name, slug=slug, principal=principal)
        current = await tx.fetchrow(sql.lock_organization, organization_id)
        assert current is not None
        await _store(tx, current, _changed(current, wanted))
        await create_membership(tx, principal, organization_id, principal.person_id, "admin")
        return await show(tx, principal, organization_id)


async def update(
    database: Database, principal: Principal, organization_id: UUID, changes: OrganizationChanges
) -> Organization:
    """Change an organization, as its administrator. Raises as `lock_as_admin`."""
    async with database.transaction() as tx:
        await lock_as_admin(tx, principal, organization_id)
        await change(tx, principal, organization_id, changes)
        return await show(tx, principal, organization_id)


async def change(tx: Connection, principal: Principal, organization_id: UUID, changes: OrganizationChanges) -> None:
    """Change an organization and write down what has changed. Raises NotFound."""
    current = await tx.fetchrow(sql.lock_organization, organization_id)
    if current is None:
        raise no_organization()
    if changed := _changed(current, changes):
        await _store(tx, current, changed)
        await record(
            tx, principal, "organization.update", organization_id=organization_id, subject_id=organization_id, **changed
        )


async def lock_as_admin(tx: Connection, principal: Principal, organization_id: UUID) -> None:
    """Let no other change to this organization happen until the transaction ends; for its administrators only.

    Raises ApiKeyOrgMismatch, NotFound for an organization the caller may not know of, Forbidden.
    """
    if await lock_as_somebody(tx, principal, organization_id) != "admin":
        raise only_administrators()


async def lock_as_somebody(tx: Connection, principal: Principal, organization_id: UUID) -> str | None:
    """As `lock_as_admin`, for anybody who may see it; returns the caller's role, None for no member."""
    principal.require_organization(organization_id)
    await tx.execute(sql.lock_organization, organization_id)
    # A statement of its own, so that it sees what was committed while we waited for the lock.
    rights = await tx.fetchrow(sql.find_role, organization_id, principal.person_id, principal.bound_to)
    if rights is None:
        raise no_organization()
    role: str | None = rights["role"]
    return role


async def show(connection: Connection, principal: Principal, organization_id: UUID) -> Organization:
    """One organization as the caller sees it. Raises NotFound."""
    shown = await _show_all(connection, principal, [organization_id])
    if not shown:
        raise no_organization()
    return shown[0]


def only_administrators() -> Forbidden:
    """What those are told who may see an organization, and not do this to it."""
    return Forbidden("Only administrators of the organization may do this.")


def no_organization() -> NotFound:
    """What those are told who may not know whether there is one."""
    return NotFound("There is no such organization.")


async def _show_all(connection: Connection, principal: Principal, ids: list[UUID]) -> list[Organization]:
    return [
        wire_organization(row)
        for row in await connection.fetch(sql.get_organizations, principal.person_id, principal.bound_to, ids)
    ]


async def _list(
    database: Database, principal: Principal, window: Window, query: str, *whose: UUID | None
) -> Paged[Organization]:
    async with database.connection() as connection:
        found = await connection.fetchrow(query, *whose, window.offset, window.limit + 1)
        assert found is not None
        ids: Paged[UUID] = page_of(window, found["ids"], lambda one: one, found["total"])
        return Paged(await _show_all(connection, principal, ids.data), ids.pagination)


def _changed(current: asyncpg.Record, wanted: OrganizationChanges) -> dict[str, Any]:
    given = {field: value for field, value in structs.asdict(wanted).items() if value is not UNSET and field in current}
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
