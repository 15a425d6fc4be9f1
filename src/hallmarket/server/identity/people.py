"""List the people of an organization."""

from collections.abc import Iterable
from uuid import UUID

from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.http.media_dialect import Page, PageRequest, make_page
from hallmarket.server.identity.types import WireUser, wire_user
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


async def list_people(database: Database, principal: Principal, wanted: PageRequest) -> Page[WireUser]:
    """One page of an organization's members, newest first. Raises Unavailable."""
    organization_id = principal.own_organization_id
    after, after_id = wanted.after or (None, None)
    async with database.connection() as connection:
        total = await connection.fetchval(sql.count_people, organization_id)
        rows = []
        if wanted.offset < total:
            rows = await connection.fetch(
                sql.list_people, organization_id, after, after_id, wanted.offset, wanted.limit + 1
            )
    return make_page(wanted, total, rows, wire_user, lambda row: (row["joined_on"], row["id"]))


async def find_creators(connection: Connection, organization_id: UUID, people: Iterable[UUID]) -> dict[UUID, WireUser]:
    """The given people as members of one organization, by id; whoever left keeps their name on what they made."""
    rows = await connection.fetch(sql.list_creators, organization_id, list(set(people)))
    return {row["id"]: wire_user(row) for row in rows}
