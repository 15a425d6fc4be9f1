"""The room of background jobs."""

from collections.abc import Sequence

from hallmarket.server.room import MaintenanceTask, MetricSource, Room, Services


class JobsRoom(Room):
    """The queue of background jobs."""

    def maintenance(self, services: Services) -> Sequence[MaintenanceTask]:
        """Delete finished jobs."""
        from hallmarket.server.database.connections import Database
        from hallmarket.server.jobs.delete_old import delete_old_jobs

        return [lambda: delete_old_jobs(services.get(Database))]

    def metrics(self, services: Services) -> Sequence[MetricSource]:
        """Jobs by kind and state."""
        from hallmarket.server.database.connections import Database
        from hallmarket.server.jobs.metrics import read_job_metrics

        return [lambda: read_job_metrics(services.get(Database))]


ROOM = JobsRoom()
