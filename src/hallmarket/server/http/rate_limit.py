"""Rate limits: one limit's counter, and the response headers that report its state.

Requests are counted in fixed windows of a minute: per API key (with its tokens), per address for requests without a
credential, and per address for invalid credentials, so that guessing is slow and does not affect other clients. The
counters are in this process's memory and need no waiting, unless several servers share them in Redis.
"""

from math import ceil
from time import time
from typing import TYPE_CHECKING

import msgspec

from hallmarket.server.errors import RateLimited
from hallmarket.server.http.rate_limit_memory import MemoryCounters
from hallmarket.server.http.request_context import RequestContext

if TYPE_CHECKING:
    from hallmarket.server.http.rate_limit_redis import RedisCounters

WINDOW_S = 60


class RateLimits(msgspec.Struct, frozen=True):
    """Maximum requests per minute of each kind; 0 means unlimited."""

    key: int
    address: int
    failed: int


class RateLimit:
    """One kind of limit, which counts the requests of each key or address."""

    def __init__(self, memory: MemoryCounters, redis: "RedisCounters | None", name: str, quota: int) -> None:
        """`redis` has the counters that several servers share, if they do."""
        self._memory = memory
        self._redis = redis
        self._name = name
        self._quota = quota
        self._policy_header = f'"{name}";q={quota};w={WINDOW_S}'.encode()
        self._limit_header = b"%d" % quota
        self._state_header = f'"{name}";r=%d;t=%d'.encode()

    def count_in_memory(self, context: RequestContext, client: str) -> None:
        """Count one request in this process. Raises RateLimited if it exceeds the quota."""
        if self._quota:
            self._apply(context, *self._memory.count(f"{self._name}/{client}", WINDOW_S))

    async def count(self, context: RequestContext, client: str) -> None:
        """Count one request, in Redis if servers share their counters. Raises RateLimited if it exceeds the quota."""
        if self._redis is None:
            self.count_in_memory(context, client)
        elif self._quota:
            self._apply(context, *await self._redis.count(f"{self._name}/{client}", WINDOW_S))

    async def verify(self, context: RequestContext, client: str) -> None:
        """Raises RateLimited if the quota is used up. Counts nothing."""
        if self._quota:
            key = f"{self._name}/{client}"
            used, end = self._memory.read(key) if self._redis is None else await self._redis.read(key, WINDOW_S)
            if used >= self._quota:
                self._apply(context, used + 1, end)

    def _apply(self, context: RequestContext, used: int, end: float) -> None:
        """Set the rate-limit headers of the response. Raises RateLimited if `used` exceeds the quota."""
        remaining = max(self._quota - used, 0)
        reset_s = max(ceil(end - time()), 1)
        # The first extra header is the request id. The last limit that is applied replaces the headers of the others.
        context.extra_headers[1:] = (
            (b"x-ratelimit-limit", self._limit_header),
            (b"x-ratelimit-remaining", b"%d" % remaining),
            (b"x-ratelimit-reset", b"%d" % reset_s),
            (b"ratelimit-policy", self._policy_header),
            (b"ratelimit", self._state_header % (remaining, reset_s)),
        )
        if used > self._quota:
            raise RateLimited(reset_s)
