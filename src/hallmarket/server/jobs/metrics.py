"""The gauges of background jobs for Prometheus."""

from collections.abc import Sequence

from prometheus_client.core import GaugeMetricFamily, Metric

from hallmarket.server.database.connections import Database
from hallmarket.server.jobs.statistics import count_jobs


async def read_job_metrics(database: Database) -> Sequence[Metric]:
    """Read the number of jobs by kind and state; a kind without any job has none. Raises Unavailable."""
    jobs = GaugeMetricFamily("hallmarket_jobs", "Background jobs.", labels=["kind", "state"])
    oldest = GaugeMetricFamily(
        "hallmarket_jobs_oldest_seconds", "How long the oldest waiting background job has waited.", labels=["kind"]
    )
    for count in await count_jobs(database):
        for state, value in (("waiting", count.waiting), ("running", count.running), ("failed", count.failed)):
            jobs.add_metric([count.kind, state], value)
        oldest.add_metric([count.kind], count.oldest_s)
    return [jobs, oldest]
