"""Explain in words why a person may or may not do something to an asset. `asset_role` makes the decision."""

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import asyncpg
import msgspec

from hallmarket.server.catalog.access import get_access
from hallmarket.server.catalog.pricing import format_prices
from hallmarket.server.catalog.types import ADMIN, LISTED, READ, UNKNOWN, WRITE, role_name
from hallmarket.server.database.connections import Database
from hallmarket.server.database.sql import load_queries
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.parameters import ID_QUERY, read_id
from hallmarket.server.identity.profile import get_person_id
from hallmarket.server.principal import Principal

sql = load_queries(__package__)

REQUIRED_ROLES = {
    "see": LISTED,
    "read": READ,
    "query": READ,
    "download": READ,
    "write": WRITE,
    "share": ADMIN,
    "delete": ADMIN,
}
ROLE_NAMES = {UNKNOWN: None, LISTED: "listing", READ: "read", WRITE: "write", ADMIN: "admin"}
EXPLAIN_QUERY: dict[str, dict[str, Any]] = {
    "action": {
        "type": "string",
        "enum": tuple(REQUIRED_ROLES),
        "default": "read",
        "description": "The action to explain.",
    },
    "user_id": ID_QUERY | {"description": "The person, if it is not you. Requires the role admin."},
}


class ExplainRequest(msgspec.Struct, frozen=True):
    """A request for an explanation; None for the person who requests it."""

    action: str
    person_id: UUID | None


class Reason(msgspec.Struct, frozen=True):
    """One reason. `gives` is the role that follows from it (`listing`: the listing only), or null."""

    code: str
    message: str
    gives: str | None


class Explanation(msgspec.Struct, frozen=True):
    """Whether a person may do something to an asset, and every reason. `needs` is the role that the action requires."""

    asset_id: UUID
    user_id: UUID
    action: str
    allowed: bool
    role: str | None
    needs: str | None
    reasons: list[Reason]
    price_usd: float | None
    price_sats: int | None


def read_explain_request(query: dict[str, str]) -> ExplainRequest:
    """Read the parameters of a request for an explanation. Raises InvalidRequest."""
    action = query.get("action", "read")
    if action not in REQUIRED_ROLES:
        raise InvalidRequest(f"action must be one of {', '.join(REQUIRED_ROLES)}.", "action")
    return ExplainRequest(action, read_id(query["user_id"], "user_id") if "user_id" in query else None)


async def explain_access(
    database: Database, principal: Principal, asset_id: UUID, request: ExplainRequest
) -> Explanation:
    """Explain what the principal may do with the key they use, or what another person may do with any key.

    Raises NotFound; Forbidden for another person unless the principal administers the asset.
    """
    is_self = request.person_id in (None, principal.person_id)
    async with database.connection() as connection:
        await get_access(connection, principal, asset_id, LISTED if is_self else ADMIN)
        person_id = await get_person_id(connection, str(request.person_id or principal.person_id))
        row = await connection.fetchrow(
            sql.explain_access, asset_id, person_id, principal.bound_to if is_self else None
        )
    assert row is not None
    return _explain(
        row, asset_id, person_id, request.action, _find_missing_scope(principal, request.action) if is_self else None
    )


def _explain(
    row: asyncpg.Record, asset_id: UUID, person_id: UUID, action: str, missing_scope: str | None
) -> Explanation:
    reasons = [*_visibility_reasons(row), *_role_reasons(row, is_owner=row["owner_id"] == person_id)]
    if missing_scope is not None:
        reasons.append(Reason("scope_missing", f"This key lacks the scope {missing_scope}.", None))
    return Explanation(
        asset_id=asset_id,
        user_id=person_id,
        action=action,
        allowed=row["role"] >= REQUIRED_ROLES[action] and missing_scope is None,
        role=role_name(row["role"]),
        needs=ROLE_NAMES[REQUIRED_ROLES[action]],
        reasons=reasons,
        price_usd=None if row["price_usd"] is None else float(row["price_usd"]),
        price_sats=row["price_sats"],
    )


def _visibility_reasons(row: asyncpg.Record) -> Iterator[Reason]:
    """What follows from the asset's visibility, or from its parent's if it inherits it."""
    subject = "Its parent" if row["visibility"] == "inherit" else "It"
    if row["audience"] == "public":
        yield Reason("public", f"{subject} is public: everyone may read it.", "read")
    elif row["audience"] == "monetized":
        prices = format_prices(row)
        sold = f"is for sale for {prices}" if prices else "is for sale, but its owner does not sell it at this time"
        yield Reason("for_sale", f"{subject} {sold}: everyone sees the listing.", "listing")
    elif row["audience"] == "private":
        yield Reason("private", f"{subject} is private: only people with a role may see it.", None)
    else:
        rule = f"{subject} is for members of {row['organization_name']}"
        if not row["belongs"]:
            yield Reason("not_a_member", f"{rule}, and they are not a member.", None)
        elif not row["is_reached"]:
            yield Reason("key_bound_elsewhere", f"{rule}, but this key is bound to another organization.", None)
        else:
            yield Reason("member", f"{rule}, and they are a member.", "read")


def _role_reasons(row: asyncpg.Record, *, is_owner: bool) -> Iterator[Reason]:
    """What follows from the person's roles and purchases."""
    roles = [("granted", row["granted"], "on it"), ("inherited", row["inherited"], "on its parent")]
    purchases = [(row["bought"], "it"), (row["bought_above"], "its parent")]
    for is_bought, what in purchases:
        if is_bought:
            yield Reason("bought", f"They bought {what}: they may read it with any of their keys.", "read")
    if not any(role for _, role, _ in roles) and not any(is_bought for is_bought, _ in purchases):
        yield Reason("no_role", "They have no role on it.", None)
    for code, role, where in roles:
        if role is None:
            continue
        if not row["is_reached"]:
            message = f"They have the role {role} {where}, but this key is bound to another organization."
            yield Reason("key_bound_elsewhere", message, None)
        elif is_owner and code == "granted":
            yield Reason("owner", "They own it.", role)
        else:
            yield Reason(code, f"They have the role {role} {where}.", role)


def _find_missing_scope(principal: Principal, action: str) -> str | None:
    scope = "assets:read" if REQUIRED_ROLES[action] <= READ else "assets:write"
    return None if scope in principal.scopes else scope
