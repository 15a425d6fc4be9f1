"""Types of the jobs room."""

from collections.abc import Callable, Coroutine
from typing import Any

import msgspec


class JobHandler(msgspec.Struct, frozen=True):
    """The code that runs jobs of one kind.

    `run` gets the payload as JSON. It must be idempotent: a job runs again after a crash, and may run on two servers at
    the same time. An exception is a failed attempt; Unavailable only delays the job. After the last failed attempt
    `on_give_up` gets the payload and the reason.
    """

    run: Callable[[bytes], Coroutine[Any, Any, None]]
    on_give_up: Callable[[bytes, str], Coroutine[Any, Any, None]]


class JobCount(msgspec.Struct, frozen=True):
    """The number of jobs of one kind by state, and the age in seconds of the oldest waiting job."""

    kind: str
    waiting: int
    running: int
    failed: int
    oldest_s: float
