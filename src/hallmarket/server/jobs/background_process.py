"""Background process: runs queued jobs, periodic maintenance, and the services that jobs depend on."""

import asyncio
from collections.abc import Sequence

from hallmarket.server.database.connections import Database
from hallmarket.server.jobs.maintenance import run_maintenance
from hallmarket.server.jobs.runner import JobRunner
from hallmarket.server.room import LongRunningTask, MaintenanceTask


class BackgroundProcess:
    """A job runner, its maintenance tasks, and long-running tasks that are cancelled after the last job has ended."""

    def __init__(
        self,
        database: Database,
        runner: JobRunner,
        maintenance_tasks: Sequence[MaintenanceTask],
        long_running_tasks: Sequence[LongRunningTask] = (),
    ) -> None:
        self._database = database
        self._runner = runner
        self._maintenance_tasks = maintenance_tasks
        self._long_running_tasks = long_running_tasks

    async def run(self) -> None:
        """Run until `stop` is called."""
        await self._database.open()
        tasks = [asyncio.create_task(run_maintenance(self._maintenance_tasks))]
        tasks += [asyncio.create_task(run_task()) for run_task in self._long_running_tasks]
        try:
            await self._runner.run()
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await self._database.close()

    def stop(self) -> None:
        """Finish the running jobs or return them to the queue, then stop."""
        self._runner.stop()
