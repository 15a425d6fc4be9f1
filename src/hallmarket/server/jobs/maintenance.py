"""Periodic maintenance tasks, such as deleting expired rows."""

import asyncio
from collections.abc import Sequence

import structlog

from hallmarket.server.errors import Unavailable
from hallmarket.server.room import MaintenanceTask

INTERVAL_S = 600
log = structlog.get_logger()


async def run_maintenance(tasks: Sequence[MaintenanceTask]) -> None:
    """Run every task now and again every ten minutes until cancelled. A task that fails does not stop the others."""
    while True:
        for task in tasks:
            try:
                await task()
            except Unavailable:
                continue
            except Exception:
                log.exception("maintenance task failed; it runs again in ten minutes")
        await asyncio.sleep(INTERVAL_S)
