"""API keys: their form and hash, and how the operator creates, revokes and lists them.

A key is `hm_`, a prefix of 8 hexadecimal digits, `_` and 32 random bytes. The database stores only a keyed hash of it.
"""

import hmac
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.audit.record import record
from hallmarket.server.database.connections import Connection
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Refusal
from hallmarket.server.identity.types import NewKey
from hallmarket.server.principal import OPERATOR, Principal

sql = load_queries(__package__)

MAX_KEY_LENGTH = 128


class KeyDetails(msgspec.Struct, frozen=True):
    """The properties of a new key."""

    name: str
    scopes: list[str]
    organization_id: UUID | None
    expires_on: datetime | None


def hash_key(secret: bytes, key: str) -> bytes:
    """Return the HMAC-SHA-256 of a key under the server's secret; 32 bytes."""
    return hmac.digest(secret, key.encode("utf-8", "surrogateescape"), "sha256")


async def get_secret(connection: Connection, configured: str = "") -> bytes:
    """Return the secret that keys the hashes: the configured one, or the database's own, created at the first call."""
    if configured:
        return configured.encode()
    await connection.execute(sql.create_secret, "api_key", secrets.token_bytes(32))
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
    scopes: Sequence[str],
    known_scopes: Sequence[str],
    expires_on: datetime | None = None,
) -> NewKey:
    """Create a key for a person as the operator, bound to one of their organizations or to none.

    Raises Refusal if the person, the organization or a scope is unknown, the person is not a member, or the expiry is
    in the past.
    """
    if unknown := [scope for scope in scopes if scope not in known_scopes]:
        raise Refusal(f"There is no scope {unknown[0]!r}; the scopes are {', '.join(known_scopes)}.")
    if expires_on is not None and expires_on <= datetime.now(UTC):
        raise Refusal(f"The expiry {expires_on.isoformat()} is in the past. Give a later one.")
    async with connection.transaction():
        person = await connection.fetchrow(sql.find_person, username)
        if person is None:
            raise Refusal(f"There is no user {username!r}.")
        if organization_id is not None:
            if await connection.fetchrow(sql.find_organization, organization_id) is None:
                raise Refusal(f"There is no organization {organization_id}.")
            if await connection.fetchrow(sql.find_membership, organization_id, person["id"]) is None:
                raise Refusal(f"{username} is not a member of organization {organization_id}.")
        details = KeyDetails(name, list(dict.fromkeys(scopes)), organization_id, expires_on)
        return await insert_key(connection, secret, OPERATOR, person, details)


async def insert_key(
    tx: Connection, secret: bytes, principal: Principal, person: asyncpg.Record, details: KeyDetails
) -> NewKey:
    """Insert a key for a person (`id`, `username`) and record it in the audit trail. The caller has checked rights."""
    prefix = "hm_" + secrets.token_hex(4)
    key = f"{prefix}_{secrets.token_urlsafe(32)}"
    key_id = new_id()
    name, scopes, organization_id, expires_on = msgspec.structs.astuple(details)
    created_on = await tx.fetchval(
        sql.create_key, key_id, person["id"], organization_id, name, prefix, hash_key(secret, key), scopes, expires_on
    )
    await record(
        tx,
        principal,
        "key.create",
        organization_id=organization_id,
        person_id=person["id"],
        subject_id=key_id,
        user_id=person["id"],
        username=person["username"],
        name=name,
        prefix=prefix,
        scopes=scopes,
        expires_on=expires_on,
    )
    return NewKey(
        id=key_id,
        key=key,
        prefix=prefix,
        name=name,
        scopes=scopes,
        organization=organization_id,
        created=created_on,
        expires=expires_on,
    )


async def revoke_key(connection: Connection, key_id: UUID) -> asyncpg.Record:
    """Revoke a key as the operator. Every server rejects it from then on. Raises Refusal if it does not exist."""
    async with connection.transaction():
        row = await connection.fetchrow(sql.revoke_key, key_id)
        if row is not None:
            await record_revocation(connection, OPERATOR, row)
            return row
        row = await connection.fetchrow(sql.find_key, key_id)
    if row is None:
        raise Refusal(f"There is no key {key_id}.")
    return row


async def record_revocation(tx: Connection, principal: Principal, row: asyncpg.Record) -> None:
    """Record in the audit trail that a key, a row of `revoke_key`, was revoked."""
    await record(
        tx,
        principal,
        "key.revoke",
        organization_id=row["organization_id"],
        person_id=row["person_id"],
        subject_id=row["id"],
        user_id=row["person_id"],
        username=row["username"],
        name=row["name"],
        prefix=row["prefix"],
    )


async def list_keys(connection: Connection) -> list[asyncpg.Record]:
    """List every key, oldest first, without the keys themselves."""
    return list(await connection.fetch(sql.list_keys))
