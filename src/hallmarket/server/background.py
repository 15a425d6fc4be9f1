"""Background process: queued jobs and periodic maintenance that the rooms announce."""

import uvloop

from hallmarket.server.child_process import name_process, run_until_stopped
from hallmarket.server.database.connections import Database
from hallmarket.server.http.logging import configure_logging
from hallmarket.server.jobs.background_process import BackgroundProcess
from hallmarket.server.jobs.runner import JobRunner
from hallmarket.server.room import Services
from hallmarket.server.rooms import ROOMS
from hallmarket.server.settings import Settings

BACKGROUND_CONNECTIONS = 4


def run_background(settings: Settings, database_url: str, secret: bytes) -> None:
    """Run jobs and maintenance until SIGTERM. Running jobs are then finished or returned to the queue."""
    configure_logging(settings.log_level)
    name_process("hm-background")
    background = make_background(settings, database_url, secret)
    uvloop.run(run_until_stopped(background.run, background.stop))


def make_background(settings: Settings, database_url: str, secret: bytes) -> BackgroundProcess:
    """Build the background process from what the rooms announce."""
    services = Services(settings, ROOMS, database_url, secret)
    services.add(Database, lambda: Database(database_url, BACKGROUND_CONNECTIONS))
    handlers = {kind: handler for room in ROOMS for kind, handler in room.jobs(services).items()}
    return BackgroundProcess(
        services.get(Database),
        JobRunner(database_url, handlers),
        [task for room in ROOMS for task in room.maintenance(services)],
        long_running_tasks=[task for room in ROOMS for task in room.long_running(services)],
    )
