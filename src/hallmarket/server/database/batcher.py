"""Batches without a timer: what comes in while one round trip is under way leaves together in the next.

An idle server answers at once, for the first item finds no round trip under way; a busy one shares each among hundreds.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

Item = TypeVar("Item")
Answer = TypeVar("Answer")


class Batcher(Generic[Item, Answer]):
    """Gathers single calls into batches for `run`, which returns an answer, or an exception to raise, for each item."""

    def __init__(
        self, run: Callable[[Sequence[Item]], Awaitable[Sequence[Answer | Exception]]], max_items: int
    ) -> None:
        self._run = run
        self._max_items = max_items
        self._waiting: deque[tuple[Item, asyncio.Future[Answer]]] = deque()
        self._worker: asyncio.Task[None] | None = None

    def submit(self, item: Item) -> "asyncio.Future[Answer]":
        """The future answer to `item`; its batch leaves as soon as the one before it is back."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((item, future))
        if self._worker is None:
            self._worker = asyncio.get_running_loop().create_task(self._work())
        return future

    async def _work(self) -> None:
        try:
            while self._waiting:
                batch = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._max_items))]
                try:
                    answers = await self._run([item for item, _ in batch])
                except Exception as error:
                    answers = [error] * len(batch)
                for (_, future), answer in zip(batch, answers, strict=True):
                    if future.done():
                        continue  # The caller hung up; what it asked for is done all the same.
                    if isinstance(answer, Exception):
                        future.set_exception(answer)
                    else:
                        future.set_result(answer)
        finally:
            self._worker = None
