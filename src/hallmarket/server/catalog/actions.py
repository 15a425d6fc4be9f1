"""Actions, computed properties and compatible routes of an asset. All are empty: this server has no routes yet."""

from typing import Any, Literal
from uuid import UUID

import msgspec

from hallmarket.server.catalog.access import get_access
from hallmarket.server.catalog.types import LISTED
from hallmarket.server.database.connections import Database
from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.exchange_dialect import MAX_PAGE_SIZE, read_window, window_query
from hallmarket.server.http.parameters import FLAG_QUERY, read_flag
from hallmarket.server.paging import Page, Window
from hallmarket.server.principal import Principal

Role = Literal["input", "output", "both"]
ROLES = ("input", "output", "both")
STATUSES = ("queued", "in-progress", "timed-out", "success", "error")
ACTIONS_QUERY: dict[str, dict[str, Any]] = {
    "role": {"type": "string", "enum": ROLES, "default": "both", "description": "The asset's role in the action."},
    "status": {"type": "string", "enum": STATUSES, "description": "Only actions with this status."},
    "side_effects": FLAG_QUERY | {"description": "Only actions with side effects, or without."},
    "include_response": FLAG_QUERY | {"description": "Whether to include the actions' responses."},
    **window_query(MAX_PAGE_SIZE),
}


class ActionsRequest(msgspec.Struct, frozen=True):
    """The requested actions of an asset."""

    role: Role
    window: Window


class LinkedActions(msgspec.Struct, frozen=True):
    """The action that created an asset, and the actions that used it as input."""

    created_by: None = None
    as_input: list[dict[str, Any]] = []


Actions = LinkedActions | list[dict[str, Any]] | None


def read_actions_request(query: dict[str, str]) -> ActionsRequest:
    """Read the parameters of an actions request. Raises InvalidRequest."""
    role = query.get("role", "both")
    if role not in ROLES:
        raise InvalidRequest(f"role must be one of {', '.join(ROLES)}.", "role")
    if "status" in query and query["status"] not in STATUSES:
        raise InvalidRequest(f"status must be one of {', '.join(STATUSES)}.", "status")
    read_flag(query, "side_effects")
    read_flag(query, "include_response")
    return ActionsRequest(msgspec.convert(role, Role), read_window(query, MAX_PAGE_SIZE))


async def list_actions(database: Database, principal: Principal, asset_id: UUID, role: Role) -> Actions:
    """Return an asset's actions in the form that belongs to the role. Raises NotFound."""
    await _require_listed(database, principal, asset_id)
    empty: dict[Role, Actions] = {"both": LinkedActions(), "input": [], "output": None}
    return empty[role]


async def list_properties(database: Database, principal: Principal, asset_id: UUID) -> list[dict[str, Any]]:
    """Return the values that routes computed for an asset. Raises NotFound."""
    await _require_listed(database, principal, asset_id)
    return []


async def list_compatible_routes(
    database: Database, principal: Principal, asset_id: UUID, window: Window
) -> Page[dict[str, Any]]:
    """Return the routes that accept an asset as input. Raises NotFound."""
    await _require_listed(database, principal, asset_id)
    return Page([], window, has_more=False, total=0)


async def _require_listed(database: Database, principal: Principal, asset_id: UUID) -> None:
    async with database.connection() as connection:
        await get_access(connection, principal, asset_id, LISTED)
