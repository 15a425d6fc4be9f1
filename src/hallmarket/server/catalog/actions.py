"""What routes have to do with an asset: nothing, for there are no routes; in the forms in which clients read it."""

from typing import Any

import msgspec

from hallmarket.server.errors import InvalidRequest
from hallmarket.server.http.exchange import FLAG_QUERY, MAX_ITEMS, Pagination, Window, read_flag, window_query

ROLES = ("input", "output", "both")
STATUSES = ("queued", "in-progress", "timed-out", "success", "error")
ACTIONS_QUERY: dict[str, dict[str, Any]] = {
    "role": {"type": "string", "enum": ROLES, "default": "both", "description": "What the asset was to the action."},
    "status": {"type": "string", "enum": STATUSES, "description": "Only actions that stand so."},
    "side_effects": FLAG_QUERY | {"description": "Only actions with side effects, or without."},
    "include_response": FLAG_QUERY | {"description": "With what they answered."},
    **window_query(MAX_ITEMS),
}


class LinkedActions(msgspec.Struct, frozen=True):
    """The action that made an asset, and those that it went into."""

    created_by: None = None
    as_input: list[dict[str, Any]] = []


class ActionsPage(msgspec.Struct, frozen=True):
    """The actions of an asset in the form that its `role` asks for."""

    data: LinkedActions | list[dict[str, Any]] | None
    pagination: Pagination
    error: None = None


def no_actions(query: dict[str, str], window: Window) -> ActionsPage:
    """No action, as `role` asks for it. Raises InvalidRequest."""
    role = query.get("role", "both")
    if role not in ROLES:
        raise InvalidRequest(f"role must be one of {', '.join(ROLES)}.", "role")
    if "status" in query and query["status"] not in STATUSES:
        raise InvalidRequest(f"status must be one of {', '.join(STATUSES)}.", "status")
    read_flag(query, "side_effects")
    read_flag(query, "include_response")
    forms: dict[str, LinkedActions | list[dict[str, Any]] | None] = {
        "both": LinkedActions(),
        "input": [],
        "output": None,
    }
    return ActionsPage(forms[role], Pagination(window.offset, window.limit, 0, False))
