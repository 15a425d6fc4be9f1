"""Why somebody may or may not do something to an asset, in words; the answer itself is `asset_role`'s."""

from collections.abc import Iterator
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.catalog.access import get_access, sql
from hallmarket.server.catalog.pricing import format_prices
from hallmarket.server.catalog.types import ADMIN, LISTED, READ, ROLES, UNKNOWN, WRITE, role_name
from hallmarket.server.database.connections import Database
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.exchange import ID_QUERY, read_id
from hallmarket.server.identity.profile import find_someone
from hallmarket.server.principal import Principal

# What each takes.
ACTIONS = {
    "see": LISTED,
    "read": READ,
    "query": READ,
    "download": READ,
    "write": WRITE,
    "share": ADMIN,
    "delete": ADMIN,
}
GIVES = {UNKNOWN: None, LISTED: "listing", READ: "read", WRITE: "write", ADMIN: "admin"}
EXPLAIN_QUERY = {
    "action": {"type": "string", "enum": tuple(ACTIONS), "default": "read", "description": "What is to be done."},
    "user_id": ID_QUERY | {"description": "Who is to do it, if it is not you; for administrators of the asset."},
}


class Reason(msgspec.Struct, frozen=True):
    """One thing that counts: `gives` is the role that comes of it (`listing`: the listing only), or null for none."""

    code: str
    message: str
    gives: str | None


class Explanation(msgspec.Struct, frozen=True):
    """Whether somebody may do something to an asset, and everything that counts; `needs` is the role it takes."""

    asset_id: UUID
    user_id: UUID
    action: str
    allowed: bool
    role: str | None
    needs: str | None
    reasons: list[Reason]
    price_usd: float | None
    price_sats: int | None


async def explain_access(
    database: Database, principal: Principal, asset_id: UUID, query: dict[str, str]
) -> Explanation:
    """Explain what the caller may do, by the key they use; or, to an administrator, what somebody else may, by any.

    Raises InvalidRequest, NotFound, Forbidden.
    """
    action = query.get("action", "read")
    if action not in ACTIONS:
        raise InvalidRequest(f"action must be one of {', '.join(ACTIONS)}.", "action")
    wanted = read_id(query["user_id"], "user_id") if "user_id" in query else principal.person_id
    is_self = wanted == principal.person_id
    async with database.connection() as connection:
        await get_access(connection, principal, asset_id, LISTED if is_self else ADMIN)
        person_id = await find_someone(connection, str(wanted))
        row = await connection.fetchrow(
            sql.explain_access, asset_id, person_id, principal.bound_to if is_self else None
        )
    assert row is not None
    return _explain(row, asset_id, person_id, action, _missing_scope(principal, action) if is_self else None)


def _explain(row: asyncpg.Record, asset_id: UUID, person_id: UUID, action: str, lacks: str | None) -> Explanation:
    reasons = [*_by_visibility(row), *_by_role(row, is_owner=row["owner_id"] == person_id)]
    if lacks is not None:
        reasons.append(Reason("scope_missing", f"This key lacks the scope {lacks}.", None))
    return Explanation(
        asset_id=asset_id,
        user_id=person_id,
        action=action,
        allowed=row["role"] >= ACTIONS[action] and lacks is None,
        role=role_name(row["role"]),
        needs=GIVES[ACTIONS[action]],
        reasons=reasons,
        price_usd=None if row["price_usd"] is None else float(row["price_usd"]),
        price_sats=row["price_sats"],
    )


def _by_visibility(row: asyncpg.Record) -> Iterator[Reason]:
    """What comes of the asset's visibility, or of its parent's if it inherits it."""
    whose = "What it stands in" if row["visibility"] == "inherit" else "It"
    if row["audience"] == "public":
        yield Reason("public", f"{whose} is public: everybody may read it.", "read")
    elif row["audience"] == "monetized":
        prices = format_prices(row)
        sold = f"is for sale for {prices}" if prices else "is for sale, at this time to nobody"
        yield Reason("for_sale", f"{whose} {sold}: everybody sees the listing.", "listing")
    elif row["audience"] == "private":
        yield Reason("private", f"{whose} is private: only roles count.", None)
    else:
        of = f"{whose} is for members of {row['organization_name']}"
        if not row["belongs"]:
            yield Reason("not_a_member", f"{of}, which they are not.", None)
        elif not row["is_reached"]:
            yield Reason("key_bound_elsewhere", f"{of}, but this key is bound to another organization.", None)
        else:
            yield Reason("member", f"{of}, which they are.", "read")


def _by_role(row: asyncpg.Record, *, is_owner: bool) -> Iterator[Reason]:
    """What comes of the roles somebody was given, and of what they bought."""
    held = [("granted", row["granted"], "on it"), ("inherited", row["inherited"], "on what it stands in")]
    bought = [(row["bought"], "it"), (row["bought_above"], "what it stands in")]
    for is_bought, what in bought:
        if is_bought:
            yield Reason("bought", f"They bought {what}: with any key of theirs they may read it.", "read")
    if not any(role for _, role, _ in held) and not any(is_bought for is_bought, _ in bought):
        yield Reason("no_role", "They were given no role on it.", None)
    for code, role, where in held:
        if role is None:
            continue
        if not row["is_reached"]:
            message = f"They are {role} {where}, but this key is bound to another organization."
            yield Reason("key_bound_elsewhere", message, None)
        elif is_owner and code == "granted":
            yield Reason("owner", "They own it.", role)
        else:
            yield Reason(code, f"They were given the role {role} {where}.", role)


def _missing_scope(principal: Principal, action: str) -> str | None:
    scope = "assets:read" if ACTIONS[action] <= ROLES["read"] else "assets:write"
    return None if scope in principal.scopes else scope
