"""List and get licences: what somebody bought and sold, also what has ended since."""

from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest, NotFound
from hallmarket.server.http.exchange import ID_QUERY, Paged, Window, page_of, read_flag, read_id, window_query
from hallmarket.server.principal import Principal
from hallmarket.server.purchases.types import WireLicence, wire_licence

sql = load_queries(__package__)
ROLES = ("buyer", "seller")
LIST_QUERY = {
    "role": {"type": "string", "enum": list(ROLES), "description": "Only what you bought, or only what you sold."},
    "asset_id": ID_QUERY | {"description": "Only licences of this asset."},
    "active": {"type": "boolean", "description": "Only those that hold, or only those that have ended."},
    **window_query(),
}


class Filters(msgspec.Struct, frozen=True):
    """Which licences are wanted; None wants all."""

    role: str | None = None
    asset_id: UUID | None = None
    active: bool | None = None


def read_filters(query: dict[str, str]) -> Filters:
    """`role`, `asset_id` and `active` of a query. Raises InvalidRequest."""
    role = query.get("role")
    if role is not None and role not in ROLES:
        raise InvalidRequest("role must be buyer or seller.", "role")
    asset_id = read_id(query["asset_id"], "asset_id") if "asset_id" in query else None
    return Filters(role, asset_id, read_flag(query, "active"))


async def list_licences(
    database: Database, principal: Principal, filters: Filters, window: Window
) -> Paged[WireLicence]:
    """The caller's licences, as buyer and as seller, newest first. Raises Unavailable."""
    sides = filters.role != "seller", filters.role != "buyer"
    chosen = *sides, filters.asset_id, filters.active, window.offset, window.limit + 1
    async with database.connection() as connection:
        found = await connection.fetch(sql.find_licences, principal.person_id, *chosen)
        rows = await connection.fetch(
            sql.get_licences, principal.person_id, [row["id"] for row in found], principal.bound_to
        )
    return page_of(window, rows, lambda row: _wire(row, principal))


async def get_licence(database: Database, principal: Principal, licence_id: UUID) -> WireLicence:
    """One licence that the caller bought or sold, or may give money back for. Raises NotFound, Unavailable."""
    async with database.connection() as connection:
        row = await connection.fetchrow(sql.get_licences, principal.person_id, [licence_id], principal.bound_to)
    if row is None:
        raise NotFound("There is no such licence.")
    return _wire(row, principal)


def _wire(row: asyncpg.Record, principal: Principal) -> WireLicence:
    return wire_licence(row, row["buyer_id"] != principal.person_id)
