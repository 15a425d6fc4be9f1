"""The log's gauges for Prometheus."""

from collections.abc import Sequence

from prometheus_client.core import GaugeMetricFamily, Metric

from hallmarket.server.database.connections import Database
from hallmarket.server.tlog.status import get_status


async def read_log_metrics(database: Database) -> Sequence[Metric]:
    """Read the log's size, queue and newest checkpoint. Raises Unavailable."""
    status = await get_status(database)
    return [
        GaugeMetricFamily("hallmarket_log_size", "Entries in the log.", status.size),
        GaugeMetricFamily("hallmarket_log_checkpoint_number", "Number of the newest checkpoint.", status.number),
        GaugeMetricFamily(
            "hallmarket_log_checkpoint_timestamp_seconds",
            "When the newest checkpoint was signed, Unix seconds.",
            status.created_on.timestamp(),
        ),
        GaugeMetricFamily("hallmarket_log_queue", "Entries waiting to be sequenced.", status.queue),
        GaugeMetricFamily(
            "hallmarket_log_sequencing_lag_seconds", "How long the oldest waiting entry has waited.", status.lag_s
        ),
    ]
