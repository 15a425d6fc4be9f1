"""Types of the jobs room."""

import msgspec


class JobCount(msgspec.Struct, frozen=True):
    """The number of jobs of one kind by state, and the age in seconds of the oldest waiting job."""

    kind: str
    waiting: int
    running: int
    failed: int
    oldest_s: float
