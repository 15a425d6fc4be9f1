"""What a server does for nobody in particular: queued jobs, and clearing away."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any

import structlog

from hallmarket.server.database.connections import Database
from hallmarket.server.errors import Unavailable
from hallmarket.server.jobs.run import Runner

TIDY_EVERY_S = 600
log = structlog.get_logger()

Tidy = Callable[[], Awaitable[object]]
Beside = Callable[[], Coroutine[Any, Any, None]]


class Background:
    """Runs jobs, every ten minutes what clears away, and until the end what jobs need beside them.

    Whatever `tidy` raises, it is called again later, and so are the others; `beside` is cancelled when the last job has
    ended.
    """

    def __init__(self, database: Database, runner: Runner, tidy: Sequence[Tidy], beside: Sequence[Beside] = ()) -> None:
        self._database = database
        self._runner = runner
        self._tidy = tidy
        self._beside = beside

    async def run(self) -> None:
        """Work until `stop`."""
        await self._database.open()
        tasks = [asyncio.create_task(one()) for one in (self._keep_tidy, *self._beside)]
        try:
            await self._runner.run()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._database.close()

    def stop(self) -> None:
        """Finish, or give back, what is in hand, and end."""
        self._runner.stop()

    async def _keep_tidy(self) -> None:
        while True:
            for tidy in self._tidy:
                try:
                    await tidy()
                except Unavailable:
                    continue
                except Exception:
                    log.exception("clearing away failed; it is tried again in ten minutes")
            await asyncio.sleep(TIDY_EVERY_S)
