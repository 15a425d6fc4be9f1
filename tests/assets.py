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
from hallmarket.server.http.request_context import RequestContext
from hallmarket.server.identity.types import Caller, Me
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
                context = await _visit(connection, UUID(owner.id))
                return await create_asset(connection, context, asset_type, checked, **own)  # type: ignore[arg-type]
        finally:
            await connection.close()

    return str(asyncio.run(create()))


async def _visit(connection: Any, person_id: UUID) -> RequestContext:
    """A request of somebody's, with the key they have."""
    key = await connection.fetchrow(
        "select k.id, k.organization_id, p.username from api_key k join person p on p.id = k.person_id"
        " where k.person_id = $1 order by k.created_on limit 1",
        person_id,
    )
    scope: Any = {"method": "POST", "path": "/", "headers": []}
    context = RequestContext(scope, None, None, "test", "127.0.0.1")  # type: ignore[arg-type]
    me = Me(person_id, person_id, key["username"], None, None)
    bound = key["organization_id"]
    context.caller = Caller(
        key["id"], "", person_id, bound, bound is not None, frozenset({bound} - {None}), frozenset(), None, me
    )
    return context
