"""What is counted of HTTP, for Prometheus; shared by all worker processes through the library's multiprocess files."""

from functools import lru_cache

from prometheus_client import Counter, Histogram

METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))

REQUESTS = Counter("hallmarket_http_requests", "Requests answered.", ["route", "method", "status"])
SECONDS = Histogram(
    "hallmarket_http_request_seconds",
    "Time from a request's arrival to the end of its answer, seconds.",
    ["route"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
ANCHOR_BATCH = Histogram(
    "hallmarket_anchor_batch_items",
    "Anchor requests committed together.",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2048),
)


@lru_cache(4096)
def _counter(route: str, method: str, status: int) -> Counter:
    return REQUESTS.labels(route, method if method in METHODS else "other", str(status))


@lru_cache(256)
def _histogram(route: str) -> Histogram:
    return SECONDS.labels(route)


def observe_request(route: str, method: str, status: int, seconds: float) -> None:
    """Count one answered request."""
    _counter(route, method, status).inc()
    _histogram(route).observe(seconds)
