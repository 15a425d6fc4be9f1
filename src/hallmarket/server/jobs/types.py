"""Kinds of work, and how much of it there is."""

from collections.abc import Callable, Coroutine
from typing import Any

import msgspec


class Kind(msgspec.Struct, frozen=True):
    """What is done for a job: `work` gets its payload as JSON.

    It may be done again after a crash, or beside itself by another server, so twice must be as good as once. What it
    raises is a failed try; Unavailable is none, but a reason to wait. `give_up` is told the payload and the reason when
    there will be no other try.
    """

    work: Callable[[bytes], Coroutine[Any, Any, None]]
    give_up: Callable[[bytes, str], Coroutine[Any, Any, None]]


class JobCount(msgspec.Struct, frozen=True):
    """The jobs of one kind: waiting, in hand, and given up; and how long the oldest has waited, in seconds."""

    kind: str
    waiting: int
    running: int
    failed: int
    oldest_s: float
