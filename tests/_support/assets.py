"""Create assets of any type without content, by the function that every type creates its assets with."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from _support.organizations import User
from _support.servers import Server
from hallmarket.server.catalog.create import create_asset
from hallmarket.server.catalog.description import check_description
from hallmarket.server.catalog.types import AssetFields
from hallmarket.server.principal import Origin, Person, Principal


def make_asset(server: Server, owner: User, asset_type: str = "file", **fields: Any) -> str:
    """Create an asset and return its id; fields are named as on the wire, besides metadata, preview and body."""
    type_fields = {name: fields.pop(name) for name in ("metadata", "preview", "body") if name in fields}
    given = msgspec.convert({"name": f"a {asset_type}"} | fields, AssetFields)

    async def create() -> UUID:
        checked = await check_description(given)
        connection = await asyncpg.connect(server.postgres_url)
        try:
            async with connection.transaction():
                creator = await _get_principal(connection, UUID(owner.id))
                return await create_asset(connection, creator, asset_type, checked, **type_fields)  # type: ignore[arg-type]
        finally:
            await connection.close()

    return str(asyncio.run(create()))


async def _get_principal(connection: Any, person_id: UUID) -> Principal:
    """Build the principal of a person who uses the first of their keys."""
    key = await connection.fetchrow(
        "select k.id, k.organization_id, p.username from api_key k join person p on p.id = k.person_id"
        " where k.person_id = $1 order by k.created_on limit 1",
        person_id,
    )
    bound = key["organization_id"]
    return Principal(
        means="key",
        person=Person(person_id, key["username"]),
        organization_id=bound,
        organizations=frozenset({bound} - {None}),
        bound_to=bound,
        key_id=key["id"],
        origin=Origin("127.0.0.1"),
    )
