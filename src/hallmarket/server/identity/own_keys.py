"""List, make and revoke one's own API keys by HTTP. No key makes one that may do more than itself."""

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import (
    ApiKeyOrgMismatch,
    Conflict,
    Forbidden,
    InvalidRequest,
    NotFound,
    Unauthenticated,
)
from hallmarket.server.http.exchange_dialect import Paged, page_of
from hallmarket.server.http.parameters import parse_time, read_id
from hallmarket.server.identity.keys import KeyDetails, add_key, record_revocation
from hallmarket.server.identity.types import iso_time
from hallmarket.server.paging import Window
from hallmarket.server.principal import PERSONAL_CONTEXT, Principal

sql = load_queries(__package__)

MAX_LIVE_KEYS = 100
MAX_NAME_LENGTH = 100
CONTROLS = ("Cc", "Zl", "Zp")  # Unicode's control characters and line ends


class KeyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The key somebody wants; what is left out is as in the key they speak through."""

    name: str
    scopes: list[str] | None = None
    expires_on: str | None = None
    organization_id: str | None = None  # the zero UUID asks for none


class KeyOrganization(msgspec.Struct, frozen=True):
    """The organization a key is bound to."""

    id: UUID
    name: str


class OwnKey(msgspec.Struct, frozen=True):
    """A key as its person sees it; the key itself is kept nowhere."""

    id: UUID
    name: str
    prefix: str
    organization: KeyOrganization | None
    scopes: list[str]
    created_on: str
    expires_on: str | None
    revoked_on: str | None
    last_used_on: str | None


class NewOwnKey(OwnKey, frozen=True):
    """A key just made, with the key itself, this once."""

    key: str


async def list_own_keys(database: Database, principal: Principal, active: bool | None, window: Window) -> Paged[OwnKey]:
    """One page of the caller's keys, newest first; only those that are good, or are not, if `active` says so."""
    chosen = (principal.person_id, _binding(principal), active)
    async with database.connection() as connection:
        total = await connection.fetchval(sql.count_own_keys, *chosen)
        rows = await connection.fetch(sql.list_own_keys, *chosen, window.offset, window.limit + 1)
    return page_of(window, rows, _own_key, total)


async def create_own_key(
    database: Database, secret: bytes, principal: Principal, wanted: KeyRequest, known_scopes: Sequence[str]
) -> NewOwnKey:
    """Make a key for the caller that may do no more than the one they speak through, as that is now.

    Raises InvalidRequest; Unauthenticated if that key was revoked meanwhile; Forbidden for a right it lacks,
    ApiKeyOrgMismatch for an organization it is not bound to, NotFound for one the person does not belong to;
    Conflict beyond MAX_LIVE_KEYS.
    """
    name, scopes, expires_on = (
        _read_name(wanted.name),
        _read_scopes(wanted.scopes, known_scopes),
        _read_expiry(wanted.expires_on),
    )
    organization_id = _read_organization(principal, wanted.organization_id)
    async with database.transaction() as tx:
        # In the order in which a membership ends: it first, then the keys bound by it.
        person = await tx.fetchrow(sql.lock_person, principal.person_id)
        organization = organization_id and await tx.fetchrow(
            sql.lock_own_organization, organization_id, principal.person_id
        )
        own = await tx.fetchrow(sql.lock_current_key, principal.key_id, principal.person_id)
        if person is None or own is None:
            raise Unauthenticated("Your API key is expired or revoked.")
        if organization_id is not None and organization is None:
            raise NotFound("You belong to no such organization.")
        details = KeyDetails(name, _choose_scopes(own, scopes), organization_id, _choose_expiry(own, expires_on))
        if await tx.fetchval(sql.count_live_keys, principal.person_id) >= MAX_LIVE_KEYS:
            raise Conflict(f"You have {MAX_LIVE_KEYS} keys that are good; revoke one before you make another.")
        made = await add_key(tx, secret, principal, person, details)
    return NewOwnKey(
        id=made.id,
        name=made.name,
        prefix=made.prefix,
        organization=KeyOrganization(organization["id"], organization["name"]) if organization else None,
        scopes=made.scopes,
        created_on=iso_time(made.created),
        expires_on=_iso(made.expires),
        revoked_on=None,
        last_used_on=None,
        key=made.key,
    )


async def revoke_own_key(database: Database, principal: Principal, key_id: UUID) -> OwnKey:
    """Revoke one of the caller's keys, the one they speak through included; a second time changes nothing.

    Raises NotFound for an unknown or foreign one, and for one outside the organization the caller's key is bound to.
    """
    whose = (key_id, principal.person_id, _binding(principal))
    async with database.transaction() as tx:
        if (revoked := await tx.fetchrow(sql.revoke_own_key, *whose)) is not None:
            await record_revocation(tx, principal, revoked)
        row = await tx.fetchrow(sql.find_own_key, *whose)
    if row is None:
        raise NotFound("You have no such key.")
    return _own_key(row)


def _binding(principal: Principal) -> UUID | None:
    """The organization a caller's key is bound to, whichever they named for this request."""
    return principal.organization_id if principal.bound_to is not None else None


def _read_name(text: str) -> str:
    if not text.strip() or len(text) > MAX_NAME_LENGTH or any(unicodedata.category(one) in CONTROLS for one in text):
        raise InvalidRequest(
            f"name must be 1 to {MAX_NAME_LENGTH} characters, not all of them blank, without control characters.",
            "name",
        )
    return text


def _read_scopes(scopes: Sequence[str] | None, known_scopes: Sequence[str]) -> list[str] | None:
    if scopes is None:
        return None
    if not scopes or any(scope not in known_scopes for scope in scopes):
        raise InvalidRequest(f"scopes must be one or more of {', '.join(known_scopes)}.", "scopes")
    return list(dict.fromkeys(scopes))


def _read_expiry(text: str | None) -> datetime | None:
    moment = None if text is None else parse_time(text, "expires_on")
    if moment is not None and moment <= datetime.now(UTC):
        raise InvalidRequest("expires_on must be in the future.", "expires_on")
    return moment


def _read_organization(principal: Principal, text: str | None) -> UUID | None:
    if text is None:
        return _binding(principal)
    named = read_id(text, "organization_id")
    organization_id = None if named == PERSONAL_CONTEXT else named
    if principal.bound_to not in (None, organization_id):
        raise ApiKeyOrgMismatch
    return organization_id


def _choose_scopes(own: asyncpg.Record, scopes: list[str] | None) -> list[str]:
    if scopes is None:
        return list(own["scopes"])
    if beyond := [scope for scope in scopes if scope not in own["scopes"]]:
        raise Forbidden(f"Your API key lacks the scope {beyond[0]}, and cannot give it.", {"scope": beyond[0]})
    return scopes


def _choose_expiry(own: asyncpg.Record, expires_on: datetime | None) -> datetime | None:
    end: datetime | None = own["expires_on"]
    if end is not None and expires_on is not None and expires_on > end:
        raise Forbidden(f"Your API key ends at {iso_time(end)}; one that it makes can end no later.")
    return expires_on or end


def _own_key(row: asyncpg.Record) -> OwnKey:
    bound = row["organization_id"] is not None
    return OwnKey(
        id=row["id"],
        name=row["name"],
        prefix=row["prefix"],
        organization=KeyOrganization(row["organization_id"], row["organization_name"]) if bound else None,
        scopes=row["scopes"],
        created_on=iso_time(row["created_on"]),
        expires_on=_iso(row["expires_on"]),
        revoked_on=_iso(row["revoked_on"]),
        last_used_on=_iso(row["last_used_on"]),
    )


def _iso(moment: datetime | None) -> str | None:
    return None if moment is None else iso_time(moment)
