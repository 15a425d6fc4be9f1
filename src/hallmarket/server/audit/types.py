"""Audit events as the exchange dialect shows them."""

from typing import Any
from uuid import UUID

import asyncpg
import msgspec


class WirePerson(msgspec.Struct, frozen=True):
    """The person who did something, or to whom it was done."""

    user_id: UUID
    username: str


class WireActorKey(msgspec.Struct, frozen=True):
    """The key they did it with."""

    id: UUID
    prefix: str


class WireEvent(msgspec.Struct, frozen=True):
    """One line of the audit trail; `actor` is null for a command on the server itself, `subject` for what is nobody."""

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


def wire_event(row: asyncpg.Record) -> WireEvent:
    """A WireEvent from a row of `audit_line`."""
    by_key = row["actor_key_prefix"] is not None
    return WireEvent(
        id=row["id"],
        created_at=row["created_on"].isoformat(timespec="microseconds"),
        organization_id=row["organization_id"],
        action=row["action"],
        actor=None if row["actor_id"] is None else WirePerson(row["actor_id"], row["actor_username"]),
        actor_key=WireActorKey(row["actor_key_id"], row["actor_key_prefix"]) if by_key else None,
        address=row["address"],
        subject_id=row["subject_id"],
        subject=WirePerson(row["subject_id"], row["subject_username"]) if row["subject_username"] else None,
        details=msgspec.json.decode(row["details"]),
    )
