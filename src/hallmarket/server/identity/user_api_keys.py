"""List, create and revoke the caller's own API keys. A new key never has more rights than the caller's credential."""

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.database.connections import Connection, Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import Conflict, Forbidden, InvalidRequest, NotFound, Unauthenticated
from hallmarket.server.http.parameters import parse_time, read_id
from hallmarket.server.identity.api_keys import KeyDetails, insert_key, record_revocation
from hallmarket.server.identity.types import iso_time
from hallmarket.server.paging import Page, Window, make_page
from hallmarket.server.principal import PERSONAL_CONTEXT, Principal

sql = load_queries(__package__)

MAX_LIVE_KEYS = 100
MAX_NAME_LENGTH = 100
CONTROL_CATEGORIES = ("Cc", "Zl", "Zp")  # Unicode's control characters and line separators


class KeyRequest(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The requested key. A missing field takes the value of the caller's own key."""

    name: str
    scopes: list[str] | None = None
    expires_on: str | None = None
    organization_id: str | None = None  # the zero UUID requests a key that is bound to none


class KeyOrganization(msgspec.Struct, frozen=True):
    """The organization that a key is bound to."""

    id: UUID
    name: str


class OwnKey(msgspec.Struct, frozen=True):
    """A key as its owner sees it, without the key itself."""

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
    """A new key with the key itself, which is shown only once."""

    key: str


class _Rights(msgspec.Struct, frozen=True):
    """The most that a new key may be allowed to do."""

    scopes: list[str]
    expires_on: datetime | None


async def list_own_keys(database: Database, principal: Principal, active: bool | None, window: Window) -> Page[OwnKey]:
    """List the caller's keys, newest first: all, or those that are valid (`active`), or those that are not."""
    filters = (principal.person_id, principal.bound_to, active)
    async with database.connection() as connection:
        total = await connection.fetchval(sql.count_own_keys, *filters)
        rows = await connection.fetch(sql.list_own_keys, *filters, window.offset, window.limit + 1)
    return make_page(window, rows, _own_key, total)


async def create_own_key(
    database: Database, secret: bytes, principal: Principal, request: KeyRequest, known_scopes: Sequence[str]
) -> NewOwnKey:
    """Create a key for the caller, with at most the current rights of their credential.

    Raises InvalidRequest; Unauthenticated if that credential was revoked meanwhile; Forbidden for a right that it
    lacks, ApiKeyOrgMismatch for an organization that it is not bound to, NotFound for one that the caller is not a
    member of; Conflict if the caller has MAX_LIVE_KEYS.
    """
    name = _read_name(request.name)
    scopes = _read_scopes(request.scopes, known_scopes)
    expires_on = _read_expiry(request.expires_on)
    organization_id = _read_organization(principal, request.organization_id)
    async with database.transaction() as tx:
        # Lock in the order in which a membership ends: first the membership, then the keys that are bound to it.
        person = await tx.fetchrow(sql.lock_person, principal.person_id)
        organization = organization_id and await tx.fetchrow(
            sql.lock_own_organization, organization_id, principal.person_id
        )
        rights = await _lock_rights(tx, principal)
        if person is None or rights is None:
            raise Unauthenticated("Your API key is expired or revoked.")
        if organization_id is not None and organization is None:
            raise NotFound("You are not a member of such an organization.")
        details = KeyDetails(name, _choose_scopes(rights, scopes), organization_id, _choose_expiry(rights, expires_on))
        if await tx.fetchval(sql.count_live_keys, principal.person_id) >= MAX_LIVE_KEYS:
            raise Conflict(f"You have {MAX_LIVE_KEYS} valid keys. Revoke one before you create another.")
        created = await insert_key(tx, secret, principal, person, details)
    return NewOwnKey(
        id=created.id,
        name=created.name,
        prefix=created.prefix,
        organization=KeyOrganization(organization["id"], organization["name"]) if organization else None,
        scopes=created.scopes,
        created_on=iso_time(created.created),
        expires_on=_iso_time(created.expires),
        revoked_on=None,
        last_used_on=None,
        key=created.key,
    )


async def revoke_own_key(database: Database, principal: Principal, key_id: UUID) -> OwnKey:
    """Revoke one of the caller's keys, which may be the one in use. Revoking it again changes nothing.

    Raises NotFound for an unknown key, another person's, or one outside the organization that the credential is bound
    to; Unavailable.
    """
    filters = (key_id, principal.person_id, principal.bound_to)
    async with database.transaction() as tx:
        if (revoked := await tx.fetchrow(sql.revoke_own_key, *filters)) is not None:
            await record_revocation(tx, principal, revoked)
        row = await tx.fetchrow(sql.find_own_key, *filters)
    if row is None:
        raise NotFound("You have no such key.")
    return _own_key(row)


async def _lock_rights(tx: Connection, principal: Principal) -> _Rights | None:
    """Return the current rights of the caller's credential; None if its key is no longer valid.

    The lock on the key prevents its revocation until the transaction ends.
    """
    if principal.means == "session":
        return _Rights(sorted(principal.scopes), None)
    own = await tx.fetchrow(sql.lock_current_key, principal.key_id, principal.person_id)
    return None if own is None else _Rights(list(own["scopes"]), own["expires_on"])


def _read_name(text: str) -> str:
    has_controls = any(unicodedata.category(character) in CONTROL_CATEGORIES for character in text)
    if not text.strip() or len(text) > MAX_NAME_LENGTH or has_controls:
        raise InvalidRequest(
            f"name must have 1 to {MAX_NAME_LENGTH} characters, not only spaces and no control characters.", "name"
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
        return principal.bound_to
    requested = read_id(text, "organization_id")
    organization_id = None if requested == PERSONAL_CONTEXT else requested
    principal.require_organization(organization_id)
    return organization_id


def _choose_scopes(rights: _Rights, scopes: list[str] | None) -> list[str]:
    if scopes is None:
        return rights.scopes
    if missing := [scope for scope in scopes if scope not in rights.scopes]:
        raise Forbidden(f"Your API key lacks the scope {missing[0]}, so it cannot grant it.", {"scope": missing[0]})
    return scopes


def _choose_expiry(rights: _Rights, expires_on: datetime | None) -> datetime | None:
    end = rights.expires_on
    if end is not None and expires_on is not None and expires_on > end:
        raise Forbidden(f"Your API key expires at {iso_time(end)}. A key that it creates cannot expire later.")
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
        expires_on=_iso_time(row["expires_on"]),
        revoked_on=_iso_time(row["revoked_on"]),
        last_used_on=_iso_time(row["last_used_on"]),
    )


def _iso_time(moment: datetime | None) -> str | None:
    return None if moment is None else iso_time(moment)
