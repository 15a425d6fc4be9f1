"""Make, revoke and list API keys. A key is `hm_` prefix `_` 32 random bytes; the database keeps a keyed hash of it."""

import hmac
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from hallmarket.server.database.ids import new_id
from hallmarket.server.database.pool import Connection
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Refusal
from hallmarket.server.identity.types import SCOPES, NewKey

sql = load_queries(__package__)

LONGEST_KEY = 128


def hash_key(secret: bytes, key: str) -> bytes:
    """HMAC-SHA-256 of a key under the server's secret; 32 bytes."""
    return hmac.digest(secret, key.encode("utf-8", "surrogateescape"), "sha256")


async def get_secret(connection: Connection, given: str = "") -> bytes:
    """The secret that keys the hashes: the one given by setting, else the database's own, made when first asked for."""
    if given:
        return given.encode()
    await connection.execute(sql.make_secret, "api_key", secrets.token_bytes(32))
    secret = await connection.fetchval(sql.get_secret, "api_key")
    assert isinstance(secret, bytes)
    return secret


async def create_key(
    connection: Connection,
    secret: bytes,
    username: str,
    *,
    organization_id: UUID | None = None,
    name: str = "",
    scopes: Sequence[str] = SCOPES,
    expires_on: datetime | None = None,
) -> NewKey:
    """Make a key for a person, bound to an organization they belong to, or to none.

    Raises Refusal if the person or organization is unknown, they do not belong together, a scope is unknown, or the
    time of expiry is past.
    """
    if unknown := [scope for scope in scopes if scope not in SCOPES]:
        raise Refusal(f"There is no scope {unknown[0]!r}; the scopes are {', '.join(SCOPES)}.")
    if expires_on is not None and expires_on <= datetime.now(UTC):
        raise Refusal(f"A key that expires on {expires_on.isoformat()} would be dead at birth.")
    person = await connection.fetchrow(sql.find_person, username)
    if person is None:
        raise Refusal(f"There is no user {username!r}.")
    if organization_id is not None:
        if await connection.fetchrow(sql.find_organization, organization_id) is None:
            raise Refusal(f"There is no organization {organization_id}.")
        if await connection.fetchrow(sql.find_membership, organization_id, person["id"]) is None:
            raise Refusal(f"{username} is no member of organization {organization_id}.")
    prefix = "hm_" + secrets.token_hex(4)
    key = f"{prefix}_{secrets.token_urlsafe(32)}"
    key_id = new_id()
    chosen = list(dict.fromkeys(scopes))
    await connection.fetchval(
        sql.create_key, key_id, person["id"], organization_id, name, prefix, hash_key(secret, key), chosen, expires_on
    )
    return NewKey(id=key_id, key=key, name=name, scopes=chosen, organization=organization_id, expires=expires_on)


async def revoke_key(connection: Connection, key_id: UUID) -> asyncpg.Record:
    """Revoke a key; every server refuses it from then on. Raises Refusal if there is no such key."""
    row = await connection.fetchrow(sql.revoke_key, key_id)
    if row is None:
        raise Refusal(f"There is no key {key_id}.")
    return row


async def list_keys(connection: Connection) -> list[asyncpg.Record]:
    """Every key, oldest first, without the keys themselves."""
    return list(await connection.fetch(sql.list_keys))
