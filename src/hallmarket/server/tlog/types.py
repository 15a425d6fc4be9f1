"""Types of the log that other rooms use: sequencing results and the log's status."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

import msgspec


class SequencedEntry(msgspec.Struct, frozen=True):
    """An entry that is now in the log, with the id of its subject."""

    subject_id: UUID
    leaf_index: int
    leaf_hash: bytes


class SequencingResult(msgspec.Struct, frozen=True):
    """The outcome of one sequencing round for the entries of one kind. `rejected` holds subject ids."""

    checkpoint_number: int
    sequenced: Sequence[SequencedEntry]
    rejected: Sequence[UUID]


class LogStatus(msgspec.Struct, frozen=True):
    """The log's status for operators: its newest checkpoint, the queue's length, and the oldest queued entry's age."""

    verifier_key: str
    size: int
    number: int
    root_hash: bytes
    created_on: datetime
    queue: int
    lag_s: float
