"""The first start on an empty database: an organization, its administrator and an API key."""

from collections.abc import Sequence
from uuid import UUID

import msgspec

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.identity.api_keys import create_key
from hallmarket.server.identity.provisioning import create_organization, create_person
from hallmarket.server.identity.types import NewKey

sql = load_queries(__package__)


class FirstStart(msgspec.Struct, frozen=True):
    """What the first start created. The key is shown only once."""

    organization: UUID
    username: str
    key: NewKey


async def first_start(connection: Connection, secret: bytes, scopes: Sequence[str]) -> FirstStart | None:
    """Create an organization, an administrator and a key with the given scopes, if the database has no organization."""
    async with connection.transaction():
        await connection.execute(sql.lock_first_start)
        if await connection.fetchval(sql.count_organizations):
            return None
        organization_id = await create_organization(connection, "My organization")
        await create_person(connection, "admin", organization_id=organization_id, role="admin")
        key = await create_key(
            connection,
            secret,
            "admin",
            organization_id=organization_id,
            name="first start",
            scopes=scopes,
            known_scopes=scopes,
        )
        return FirstStart(organization=organization_id, username="admin", key=key)
