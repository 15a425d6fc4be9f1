"""Events of the audit trail, as the exchange dialect and the operator see them."""

from typing import Any
from uuid import UUID

import asyncpg
import msgspec


class WirePerson(msgspec.Struct, frozen=True):
    """The person who acted, or on whom they acted."""

    user_id: UUID
    username: str


class WireActorKey(msgspec.Struct, frozen=True):
    """The API key with which the person acted."""

    id: UUID
    prefix: str


class WireEvent(msgspec.Struct, frozen=True):
    """An event. `actor` is null for a command on the server itself; `subject` is null if it is not a person."""

    id: UUID
    created_at: str
    organization_id: UUID | None
    action: str
    actor: WirePerson | None
    actor_key: WireActorKey | None
    address: str | None
    subject_id: UUID | None
    subject: WirePerson | None
    details: dict[str, Any]


class OperatorEvent(WireEvent, frozen=True):
    """An event as the operator sees it, with the rest of its origin."""

    user_agent: str | None
    request_id: str | None


def wire_event(row: asyncpg.Record) -> WireEvent:
    """Make an event from a row of `named_audit_event`."""
    return WireEvent(**_fields(row))


def operator_event(row: asyncpg.Record) -> OperatorEvent:
    """Make an event for the operator from a row of `named_audit_event`."""
    return OperatorEvent(**_fields(row), user_agent=row["user_agent"], request_id=row["request_id"])


def _fields(row: asyncpg.Record) -> dict[str, Any]:
    has_key = row["actor_key_prefix"] is not None
    return {
        "id": row["id"],
        "created_at": row["created_on"].isoformat(timespec="microseconds"),
        "organization_id": row["organization_id"],
        "action": row["action"],
        "actor": None if row["actor_id"] is None else WirePerson(row["actor_id"], row["actor_username"]),
        "actor_key": WireActorKey(row["actor_key_id"], row["actor_key_prefix"]) if has_key else None,
        "address": row["address"],
        "subject_id": row["subject_id"],
        "subject": WirePerson(row["subject_id"], row["subject_username"]) if row["subject_username"] else None,
        "details": msgspec.json.decode(row["details"]),
    }
