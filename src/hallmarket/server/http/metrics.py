"""What is counted of HTTP, for Prometheus; shared by all worker processes through the library's multiprocess files.

Requests are gathered in plain numbers and handed to the library a few times a second: its shared files cost five
microseconds a request, a third of a whole look-up.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Sequence

from prometheus_client import Counter, Histogram

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
BUCKETS_S = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)
HAND_OVER_EVERY_S = 0.25


class GatheredHistogram(Histogram):
    """A histogram that takes many observations at once."""

    def add(self, counts: Sequence[int], total: float) -> None:
        """Add observations already sorted into this histogram's buckets, the last one unbounded, and their sum."""
        self._sum.inc(total)
        for bucket, count in zip(self._buckets, counts, strict=True):
            if count:
                bucket.inc(count)


REQUESTS = Counter("hallmarket_http_requests", "Requests answered.", ["route", "method", "status"])
SECONDS = GatheredHistogram(
    "hallmarket_http_request_seconds",
    "Time from a request's arrival to the end of its answer, seconds.",
    ["route"],
    buckets=BUCKETS_S,
)
ANCHOR_BATCH = Histogram(
    "hallmarket_anchor_batch_items",
    "Anchor requests committed together.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048),
)


class RequestFigures:
    """One process's requests since they were last handed to the library."""

    def __init__(self) -> None:
        self._requests: dict[tuple[str, str, int], int] = {}
        self._seconds: dict[str, tuple[list[int], list[float]]] = {}
        self._scheduled = False

    def observe(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        place = (route, method, status)
        self._requests[place] = self._requests.get(place, 0) + 1
        figures = self._seconds.get(route)
        if figures is None:
            figures = self._seconds[route] = ([0] * (len(BUCKETS_S) + 1), [0.0])
        figures[0][bisect_left(BUCKETS_S, seconds)] += 1
        figures[1][0] += seconds
        if not self._scheduled:
            self._scheduled = True
            asyncio.get_running_loop().call_later(HAND_OVER_EVERY_S, self.hand_over)

    def hand_over(self) -> None:
        """Give what was gathered to the library."""
        self._scheduled = False
        requests, self._requests = self._requests, {}
        seconds, self._seconds = self._seconds, {}
        for (route, method, status), count in requests.items():
            REQUESTS.labels(route, method if method in METHODS else "other", str(status)).inc(count)
        for route, (counts, total) in seconds.items():
            SECONDS.labels(route).add(counts, total[0])


REQUEST_FIGURES = RequestFigures()
