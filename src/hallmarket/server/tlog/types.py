"""The log as the other rooms see it: what was entered, what was refused, and what is published."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from uuid import UUID

import msgspec

from hallmarket.server.database.connections import Connection


class Entered(msgspec.Struct, frozen=True):
    """One subject's place in the log."""

    subject_id: UUID
    leaf_index: int
    leaf_hash: bytes


class Settlement(msgspec.Struct, frozen=True):
    """What one round of the sequencer did with the entries of one kind."""

    checkpoint_number: int
    entered: Sequence[Entered]
    refused: Sequence[UUID]


# A room's word on what becomes of its things once they are entered or refused; runs inside the sequencer's transaction.
Settle = Callable[[Connection, Settlement], Awaitable[None]]


class LogStatus(msgspec.Struct, frozen=True):
    """The log for operators: its size, its newest checkpoint, and how much waits for how long."""

    verifier_key: str
    size: int
    number: int
    root_hash: bytes
    created_on: datetime
    queue: int
    lag_s: float
