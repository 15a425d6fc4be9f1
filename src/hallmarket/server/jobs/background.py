"""What a server does for nobody in particular: queued jobs, and clearing away."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from hallmarket.server.database.pool import Database
from hallmarket.server.errors import Unavailable
from hallmarket.server.jobs.run import Runner

TIDY_EVERY_S = 600

Tidy = Callable[[], Awaitable[object]]


class Background:
    """Runs jobs, and every ten minutes what clears away; `tidy` may raise Unavailable, and is called again later."""

    def __init__(self, database: Database, runner: Runner, tidy: Sequence[Tidy]) -> None:
        self._database = database
        self._runner = runner
        self._tidy = tidy

    async def run(self) -> None:
        """Work until `stop`."""
        await self._database.open()
        tidying = asyncio.create_task(self._keep_tidy())
        try:
            await self._runner.run()
        finally:
            tidying.cancel()
            await asyncio.gather(tidying, return_exceptions=True)
            await self._database.close()

    def stop(self) -> None:
        """Finish, or give back, what is in hand, and end."""
        self._runner.stop()

    async def _keep_tidy(self) -> None:
        while True:
            for tidy in self._tidy:
                with suppress(Unavailable):
                    await tidy()
            await asyncio.sleep(TIDY_EVERY_S)
