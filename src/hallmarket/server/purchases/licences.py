"""List and get licences: what a person bought and sold, including licences that have ended."""

from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest, NotFound
from hallmarket.server.http.exchange_dialect import window_query
from hallmarket.server.http.parameters import ID_QUERY, read_flag, read_id
from hallmarket.server.paging import Page, Window, make_page
from hallmarket.server.principal import Principal
from hallmarket.server.purchases.types import WireLicence, wire_licence

sql = load_queries(__package__)
ROLES = ("buyer", "seller")
LIST_QUERY = {
    "role": {"type": "string", "enum": list(ROLES), "description": "Only what you bought, or only what you sold."},
    "asset_id": ID_QUERY | {"description": "Only licences of this asset."},
    "active": {"type": "boolean", "description": "Only active licences, or only those that have ended."},
    **window_query(),
}


class LicenceFilter(msgspec.Struct, frozen=True):
    """Which licences to list; None means all."""

    role: str | None = None
    asset_id: UUID | None = None
    active: bool | None = None


def read_filter(query: dict[str, str]) -> LicenceFilter:
    """Read `role`, `asset_id` and `active` of a query. Raises InvalidRequest."""
    role = query.get("role")
    if role is not None and role not in ROLES:
        raise InvalidRequest("role must be buyer or seller.", "role")
    asset_id = read_id(query["asset_id"], "asset_id") if "asset_id" in query else None
    return LicenceFilter(role, asset_id, read_flag(query, "active"))


async def list_licences(
    database: Database, principal: Principal, chosen: LicenceFilter, window: Window
) -> Page[WireLicence]:
    """List the licences that the principal bought and sold, newest first. Raises Unavailable."""
    filters = chosen.role != "seller", chosen.role != "buyer", chosen.asset_id, chosen.active
    person_id = principal.person_id
    async with database.connection() as connection:
        ids = await connection.fetch(sql.list_licence_ids, person_id, *filters, window.offset, window.limit + 1)
        rows = await connection.fetch(sql.get_licences, person_id, [row["id"] for row in ids], principal.bound_to)
    return make_page(window, rows, lambda row: _wire(row, principal))


async def get_licence(database: Database, principal: Principal, licence_id: UUID) -> WireLicence:
    """Get a licence that the principal bought, sold, or may refund. Raises NotFound, Unavailable."""
    async with database.connection() as connection:
        row = await connection.fetchrow(sql.get_licences, principal.person_id, [licence_id], principal.bound_to)
    if row is None:
        raise NotFound("There is no such licence.")
    return _wire(row, principal)


def _wire(row: asyncpg.Record, principal: Principal) -> WireLicence:
    return wire_licence(row, for_seller=row["buyer_id"] != principal.person_id)
