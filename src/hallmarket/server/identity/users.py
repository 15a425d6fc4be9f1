"""List the members of an organization as the media dialect's users."""

from collections.abc import Iterable
from uuid import UUID

from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.http.media_dialect import Page, PageRequest, make_page
from hallmarket.server.identity.types import WireUser, wire_user
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


async def list_users(database: Database, principal: Principal, request: PageRequest) -> Page[WireUser]:
    """List the members of the caller's organization, newest first. Raises Forbidden without one, Unavailable."""
    organization_id = principal.own_organization_id
    after, after_id = request.after or (None, None)
    async with database.connection() as connection:
        total = await connection.fetchval(sql.count_people, organization_id)
        rows = []
        if request.offset < total:
            rows = await connection.fetch(
                sql.list_people, organization_id, after, after_id, request.offset, request.limit + 1
            )
    return make_page(request, total, rows, wire_user, lambda row: (row["joined_on"], row["id"]))


async def find_creators(connection: Connection, organization_id: UUID, people: Iterable[UUID]) -> dict[UUID, WireUser]:
    """Return the given people as users of an organization, by id, including those who have left it."""
    rows = await connection.fetch(sql.list_creators, organization_id, list(set(people)))
    return {row["id"]: wire_user(row) for row in rows}
