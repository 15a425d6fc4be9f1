"""Write down what was done, in the transaction that does it."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec

from hallmarket.server.database.connections import Connection
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.sql import load_queries
from hallmarket.server.principal import Principal

sql = load_queries(__package__)


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that was done; see `record`."""

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
    """Note that `actor` did `action` (`noun.verb`, as `member.add`) to a subject; it is kept if the rest commits.

    Its organization's administrators may read it; without an organization `person_id` may, who is the actor unless
    given. `details` are JSON values and hold no secret.
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
    """Note several things that were done."""
    await tx.execute(
        sql.record_events,
        [new_id() for _ in events],
        [event.organization_id for event in events],
        [event.person_id or event.principal.actor_id for event in events],
        [event.principal.actor_id for event in events],
        [event.principal.key_id for event in events],
        [event.principal.origin.address for event in events],
        [event.action for event in events],
        [event.subject_id for event in events],
        [msgspec.json.encode(event.details).decode() for event in events],
    )
