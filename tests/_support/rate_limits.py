"""Rate limit headers of responses, and clients that send from a given address."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from _support.responses import assert_exchange_error, assert_media_error
from _support.servers import Server

RATE_LIMIT_HEADERS = (
    "x-ratelimit-limit",
    "x-ratelimit-remaining",
    "x-ratelimit-reset",
    "ratelimit-policy",
    "ratelimit",
)


@contextmanager
def client_at(server: Server, api_key: str, address: str, **headers: str) -> Iterator[httpx.Client]:
    """Open an HTTP client that sends from this address, with this key or a header `authorization`."""
    with server.client(api_key) as client:
        client.headers.update({"x-forwarded-for": address, **headers})
        yield client


def read_rate_limit(response: httpx.Response) -> tuple[int, int, int]:
    """Check that both kinds of headers agree; return the limit, what remains and the seconds until it resets."""
    limit, remaining, reset = (int(response.headers[name]) for name in RATE_LIMIT_HEADERS[:3])
    policy = re.fullmatch(r'"(key|address|failed)";q=(\d+);w=60', response.headers["ratelimit-policy"])
    state = re.fullmatch(r'"(key|address|failed)";r=(\d+);t=(\d+)', response.headers["ratelimit"])
    assert policy is not None
    assert state is not None
    assert (policy[1], int(policy[2])) == (state[1], limit)
    assert (int(state[2]), int(state[3])) == (remaining, reset)
    assert 1 <= reset <= 60
    return limit, remaining, reset


def read_bucket(response: httpx.Response) -> tuple[str, int]:
    """Return which count a response reports, and what remains of it."""
    return response.headers["ratelimit"].split('"')[1], read_rate_limit(response)[1]


def assert_limited(response: httpx.Response) -> None:
    """Assert that a request was rejected by a rate limit, in its dialect, with the seconds until it may be repeated."""
    if response.request.url.path.startswith("/v1"):
        error = assert_media_error(response, 403, "RATE_LIMIT")
    else:
        error = assert_exchange_error(response, 429, "rate_limit")
    _, remaining, reset = read_rate_limit(response)
    assert remaining == 0
    assert response.headers["retry-after"] == str(reset)
    assert error["details"] == {"retryAfter": reset}
