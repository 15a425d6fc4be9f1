"""Counts that several servers share: in Redis by the library `limits`, and in this process while Redis is away.

A limit is a guard against accidents and guessing, not worth a single refused request: when Redis fails, requests go on,
each worker counts for itself, and one task asks every second whether Redis is back.
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

from hallmarket.server.http.window_storage import Count, WindowStorage

PATIENCE_S = 0.1  # the longest that a request waits for Redis
STEP_S = 0.01
AGAIN_S = 1.0
MAX_CONNECTIONS = 16
PREFIX = "hallmarket"  # of the keys in Redis
Answer = TypeVar("Answer")

log = structlog.get_logger()


class SharedCounts:
    """Counts of fixed windows in the Redis at `url`; in `memory` while it is away."""

    def __init__(self, url: str, memory: WindowStorage) -> None:
        # Again at once, for a connection that a restart of Redis has ended; and no greetings before the first count.
        retry = Retry(NoBackoff(), 1)
        self._pool = ConnectionPool.from_url(url, retry=retry, driver_info=None)
        options: dict[str, Any] = {"connection_pool": self._pool}
        self._redis = RedisStorage("async+redis://", implementation="redispy", key_prefix=PREFIX, **options)
        self._memory = memory
        self._turns = asyncio.Semaphore(MAX_CONNECTIONS)
        self._recovery: asyncio.Task[None] | None = None  # there is one while Redis is away

    async def count(self, key: str, expiry: int) -> Count:
        """Count one more under a key, whose window, if it has none, lasts `expiry` seconds from now."""
        counted = await self._ask(self._count, key, expiry)
        return self._memory.count(key, expiry) if counted is None else counted

    async def look(self, key: str, expiry: int) -> Count:
        """What is counted under a key whose window lasts `expiry` seconds; 0 without one."""
        counted = await self._ask(self._look, key, expiry)
        return self._memory.look(key) if counted is None else counted

    async def close(self) -> None:
        """Let go of Redis."""
        if self._recovery is not None:
            self._recovery.cancel()
            with suppress(asyncio.CancelledError):
                await self._recovery
        await self._pool.disconnect()

    async def _count(self, key: str, expiry: int) -> Count:
        used = await self._redis.incr(key, expiry)
        return used, time() + expiry if used == 1 else await self._find_end(key, expiry)

    async def _look(self, key: str, expiry: int) -> Count:
        return await self._redis.get(key), await self._find_end(key, expiry)

    async def _find_end(self, key: str, expiry: int) -> float:
        # Redis tells whole seconds, rounded: half a second more, so that nobody is told to come again too early.
        return min(await self._redis.get_expiry(key) + 0.5, time() + expiry)

    async def _ask(self, question: Callable[..., Coroutine[Any, Any, Count]], *about: Any) -> Count | None:
        """Redis's answer; None while it is away."""
        async with self._turns:
            if self._recovery is None:
                try:
                    return await _in_time(question(*about))
                except Exception as error:  # whatever it is, it is not the caller's
                    if self._recovery is None:
                        log.warning("Redis is away: each worker counts rate limits for itself", error=str(error))
                        self._recovery = asyncio.create_task(self._recover())
        return None

    async def _recover(self) -> None:
        while self._recovery is not None:
            await asyncio.sleep(AGAIN_S)
            with suppress(Exception):
                await _in_time(self._redis.incr("recovery", 1))  # counting, for a Redis may answer and take nothing in
                self._recovery = None
        log.info("Redis is back: servers share their counts of rate limits again")


async def _in_time(question: Coroutine[Any, Any, Answer]) -> Answer:
    """The answer. Raises TimeoutError after `PATIENCE_S`."""
    task = asyncio.create_task(question)
    try:
        # In steps, so that a moment in which this process stood still is not taken for Redis's silence.
        for _ in range(round(PATIENCE_S / STEP_S)):
            done, _waiting = await asyncio.wait({task}, timeout=STEP_S)
            if done:
                return task.result()
        raise TimeoutError(f"no answer in {PATIENCE_S * 1000:.0f} ms")
    finally:
        task.cancel()
