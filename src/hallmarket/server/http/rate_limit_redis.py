"""Rate-limit counters that several servers share in Redis, with a fallback to this process while Redis is away.

A rate limit is a guard against accidents and guessing and must not reject valid requests. When Redis fails, each worker
counts for itself, and one task checks every second whether Redis is back.
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from time import time
from typing import Any, TypeVar

import structlog
from limits.aio.storage import RedisStorage
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from hallmarket.server.http.rate_limit_memory import Count, MemoryCounters

TIMEOUT_S = 0.1  # the longest that a request waits for Redis
POLL_S = 0.01
RECOVERY_INTERVAL_S = 1.0
MAX_CONNECTIONS = 16
PREFIX = "hallmarket"  # of the keys in Redis
Result = TypeVar("Result")

log = structlog.get_logger()


class RedisCounters:
    """Counters of fixed windows in the Redis at `url`, or in `memory` while it is away."""

    def __init__(self, url: str, memory: MemoryCounters) -> None:
        # Retry once without delay, because a restart of Redis ends its connections. Send no client info on connect.
        retry = Retry(NoBackoff(), 1)
        self._pool = ConnectionPool.from_url(url, retry=retry, driver_info=None)
        options: dict[str, Any] = {"connection_pool": self._pool}
        self._redis = RedisStorage("async+redis://", implementation="redispy", key_prefix=PREFIX, **options)
        self._memory = memory
        self._connection_slots = asyncio.Semaphore(MAX_CONNECTIONS)
        self._recovery: asyncio.Task[None] | None = None  # set while Redis is away

    async def count(self, key: str, expiry: int) -> Count:
        """Add one to a key's count. A new window lasts `expiry` seconds."""
        counted = await self._try_redis(self._count, key, expiry)
        return self._memory.count(key, expiry) if counted is None else counted

    async def read(self, key: str, expiry: int) -> Count:
        """Return a key's count, 0 if it has no window, and when its window of `expiry` seconds ends."""
        counted = await self._try_redis(self._read, key, expiry)
        return self._memory.read(key) if counted is None else counted

    async def close(self) -> None:
        """Close the connections to Redis."""
        if self._recovery is not None:
            self._recovery.cancel()
            with suppress(asyncio.CancelledError):
                await self._recovery
        await self._pool.disconnect()

    async def _count(self, key: str, expiry: int) -> Count:
        used = await self._redis.incr(key, expiry)
        return used, time() + expiry if used == 1 else await self._find_end(key, expiry)

    async def _read(self, key: str, expiry: int) -> Count:
        return await self._redis.get(key), await self._find_end(key, expiry)

    async def _find_end(self, key: str, expiry: int) -> float:
        # Redis rounds to whole seconds. Add half a second, so that no client is told to retry too early.
        return min(await self._redis.get_expiry(key) + 0.5, time() + expiry)

    async def _try_redis(self, command: Callable[..., Coroutine[Any, Any, Count]], *arguments: Any) -> Count | None:
        """Run a command and return its result; None while Redis is away."""
        async with self._connection_slots:
            if self._recovery is None:
                try:
                    return await _with_timeout(command(*arguments))
                except Exception as error:  # no failure of Redis may fail the request
                    if self._recovery is None:
                        log.warning("Redis is away: each worker counts rate limits for itself", error=str(error))
                        self._recovery = asyncio.create_task(self._recover())
        return None

    async def _recover(self) -> None:
        while self._recovery is not None:
            await asyncio.sleep(RECOVERY_INTERVAL_S)
            with suppress(Exception):
                # Check with a write, because a Redis that is full or read-only still answers a ping.
                await _with_timeout(self._redis.incr("recovery", 1))
                self._recovery = None
        log.info("Redis is back: servers share their counts of rate limits again")


async def _with_timeout(command: Coroutine[Any, Any, Result]) -> Result:
    """Await a command. Raises TimeoutError after TIMEOUT_S."""
    task = asyncio.create_task(command)
    try:
        # Wait in small steps, so that a pause of this process is not mistaken for a slow Redis.
        for _ in range(round(TIMEOUT_S / POLL_S)):
            done, _pending = await asyncio.wait({task}, timeout=POLL_S)
            if done:
                return task.result()
        raise TimeoutError(f"no answer in {TIMEOUT_S * 1000:.0f} ms")
    finally:
        task.cancel()
