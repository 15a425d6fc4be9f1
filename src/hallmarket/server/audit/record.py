"""Record events in the audit trail, in the transaction of the action that they report."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.principal import Principal

sql = load_queries(__package__)

MAX_USER_AGENT_LENGTH = 512  # characters


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One event to record. See `record` for the fields."""

    principal: Principal
    action: str
    organization_id: UUID | None = None
    person_id: UUID | None = None
    subject_id: UUID | None = None
    details: dict[str, Any] = {}


async def record(
    tx: Connection,
    principal: Principal,
    action: str,
    *,
    organization_id: UUID | None = None,
    person_id: UUID | None = None,
    subject_id: UUID | None = None,
    **details: Any,
) -> None:
    """Record that the principal did an action (`noun.verb`, such as `member.add`) to a subject, if `tx` commits.

    The event is visible to the organization's administrators or, without an organization, to the person `person_id`,
    by default the principal's. `details` are JSON values and must not contain secrets.
    """
    await record_each(
        tx,
        [
            Event(
                principal=principal,
                action=action,
                organization_id=organization_id,
                person_id=person_id,
                subject_id=subject_id,
                details=details,
            )
        ],
    )


async def record_each(tx: Connection, events: Sequence[Event]) -> None:
    """Record several events in one statement."""
    await tx.execute(
        sql.record_events,
        [new_id() for _ in events],
        [event.organization_id for event in events],
        [event.person_id or event.principal.actor_id for event in events],
        [event.principal.actor_id for event in events],
        [event.principal.key_id for event in events],
        [event.principal.origin.address for event in events],
        [_clean_user_agent(event.principal.origin.user_agent) for event in events],
        [event.principal.origin.request_id for event in events],
        [event.action for event in events],
        [event.subject_id for event in events],
        [msgspec.json.encode(event.details).decode() for event in events],
    )


def _clean_user_agent(user_agent: str | None) -> str | None:
    """Cut a User-Agent to the maximum length, without NUL, which PostgreSQL does not store."""
    return None if user_agent is None else user_agent.replace("\0", "")[:MAX_USER_AGENT_LENGTH]
