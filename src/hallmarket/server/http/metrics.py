"""HTTP metrics for Prometheus, which all worker processes share through the library's multiprocess files.

Requests are counted in plain Python objects and flushed to the library four times a second. Writing to its shared files
costs 5 µs per request, a third of a look-up.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Sequence

from prometheus_client import Counter, Histogram

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
FLUSH_INTERVAL_S = 0.25


class BulkHistogram(Histogram):
    """A histogram that many observations can be added to at the same time."""

    def add(self, counts: Sequence[int], total: float) -> None:
        """Add observations: their number in each bucket, the last one unbounded, and their sum."""
        self._sum.inc(total)
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)


REQUESTS = Counter("hallmarket_http_requests", "Requests answered.", ["route", "method", "status"])
SECONDS = BulkHistogram(
    "hallmarket_http_request_seconds",
    "Time from a request's arrival to the end of its response, seconds.",
    ["route"],
    buckets=BUCKETS_S,
)
ANCHOR_BATCH = Histogram(
    "hallmarket_anchor_batch_items",
    "Anchor requests committed together.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048),
)


class RequestMetrics:
    """One process's requests since the last flush."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, str, int], int] = {}
        self._seconds: dict[str, tuple[list[int], list[float]]] = {}  # by route: counts per bucket, and [sum]
        self._scheduled = False

    def observe(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request."""
        labels = (route, method, status)
        self._requests[labels] = self._requests.get(labels, 0) + 1
        durations = self._seconds.get(route)
        if durations is None:
            durations = self._seconds[route] = ([0] * (len(BUCKETS_S) + 1), [0.0])
        durations[0][bisect_left(BUCKETS_S, seconds)] += 1
        durations[1][0] += seconds
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_later(FLUSH_INTERVAL_S, self.flush)

    def flush(self) -> None:
        """Add the counted requests to the library's metrics."""
        self._scheduled = False
        requests, self._requests = self._requests, {}
        seconds, self._seconds = self._seconds, {}
        for (route, method, status), count in requests.items():
            REQUESTS.labels(route, method if method in METHODS else "other", str(status)).inc(count)
        for route, (counts, total) in seconds.items():
            SECONDS.labels(route).add(counts, total[0])


REQUEST_METRICS = RequestMetrics()
