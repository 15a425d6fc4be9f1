"""Assets for tests that do not care of what type they are: created as every type creates them, without content."""

import asyncio
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from circle import Someone
from hallmarket.server.catalog.create import create_asset
from hallmarket.server.catalog.describe import check_description
from hallmarket.server.catalog.types import AssetFields
from hallmarket.server.principal import Origin, Person, Principal
from support import Server


def make_asset(server: Server, owner: Someone, asset_type: str = "file", **fields: Any) -> str:
    """The id of a new asset; `metadata`, `preview` and `body` are what its type says of it, the rest as on the wire."""
    own = {name: fields.pop(name) for name in ("metadata", "preview", "body") if name in fields}
    said = msgspec.convert({"name": f"a {asset_type}"} | fields, AssetFields)

    async def create() -> UUID:
        checked = await check_description(said)
        connection = await asyncpg.connect(server.postgres_url)
        try:
            async with connection.transaction():
                principal = await _principal(connection, UUID(owner.id))
                return await create_asset(connection, principal, asset_type, checked, **own)  # type: ignore[arg-type]
        finally:
            await connection.close()

    return str(asyncio.run(create()))


async def _principal(connection: Any, person_id: UUID) -> Principal:
    """A person, acting by the first of their keys."""
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
