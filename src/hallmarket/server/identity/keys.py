"""Make, revoke and list API keys. A key is `hm_` prefix `_` 32 random bytes; the database keeps a keyed hash of it."""

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
    """What a new key is to be."""

    name: str
    scopes: list[str]
    organization_id: UUID | None
    expires_on: datetime | None


def hash_key(secret: bytes, key: str) -> bytes:
    """HMAC-SHA-256 of a key under the server's secret; 32 bytes."""
    return hmac.digest(secret, key.encode("utf-8", "surrogateescape"), "sha256")


async def get_secret(connection: Connection, given: str = "") -> bytes:
    """The secret that keys the hashes: the one given by setting, else the database's own, made when first asked for."""
    if given:
        return given.encode()
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
    """Make a key for a person, bound to an organization they belong to, or to none, as the operator.

    Raises Refusal if the person or organization is unknown, they do not belong together, a scope is unknown, or the
    time of expiry is past.
    """
    if unknown := [scope for scope in scopes if scope not in known_scopes]:
        raise Refusal(f"There is no scope {unknown[0]!r}; the scopes are {', '.join(known_scopes)}.")
    if expires_on is not None and expires_on <= datetime.now(UTC):
        raise Refusal(f"A key that expires on {expires_on.isoformat()} would be dead at birth.")
    async with connection.transaction():
        person = await connection.fetchrow(sql.find_person, username)
        if person is None:
            raise Refusal(f"There is no user {username!r}.")
        if organization_id is not None:
            if await connection.fetchrow(sql.find_organization, organization_id) is None:
                raise Refusal(f"There is no organization {organization_id}.")
            if await connection.fetchrow(sql.find_membership, organization_id, person["id"]) is None:
                raise Refusal(f"{username} is no member of organization {organization_id}.")
        wanted = KeyDetails(name, list(dict.fromkeys(scopes)), organization_id, expires_on)
        return await add_key(connection, secret, OPERATOR, person, wanted)


async def add_key(
    tx: Connection, secret: bytes, principal: Principal, person: asyncpg.Record, wanted: KeyDetails
) -> NewKey:
    """Make a key for a person (`id`, `username`), and write that down; that it may be so is checked already."""
    prefix = "hm_" + secrets.token_hex(4)
    key = f"{prefix}_{secrets.token_urlsafe(32)}"
    key_id = new_id()
    name, scopes, organization_id, expires_on = msgspec.structs.astuple(wanted)
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
    """Revoke a key, as the operator; every server refuses it from then on. Raises Refusal if there is no such key."""
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
    """Write down that a key, as a row of `revoke_key`, was revoked."""
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
    """Every key, oldest first, without the keys themselves."""
    return list(await connection.fetch(sql.list_keys))
