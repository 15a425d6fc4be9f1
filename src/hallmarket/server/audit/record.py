"""Write down what was done, in the transaction that does it."""

from typing import Any
from uuid import UUID

import msgspec

from hallmarket.server.audit.types import Actor
from hallmarket.server.database.ids import new_id
from hallmarket.server.database.pool import Connection
from hallmarket.server.database.sql import load_queries

sql = load_queries(__package__)


async def record(
    tx: Connection,
    actor: Actor,
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
    await tx.execute(
        sql.record_event,
        new_id(),
        organization_id,
        person_id or actor.person_id,
        actor.person_id,
        actor.key_id,
        actor.address,
        action,
        subject_id,
        msgspec.json.encode(details).decode(),
    )
