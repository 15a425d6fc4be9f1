"""What the answers tell of rate limits, and callers at addresses of their own."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from support import Server
from wire import assert_exchange_error, assert_media_error

TOLD = ("x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset", "ratelimit-policy", "ratelimit")


@contextmanager
def caller(server: Server, api_key: str, address: str, **headers: str) -> Iterator[httpx.Client]:
    """An HTTP client with this key, or this header `authorization`, at this address."""
    with server.client(api_key) as client:
        client.headers.update({"x-forwarded-for": address, **headers})
        yield client


def told(response: httpx.Response) -> tuple[int, int, int]:
    """Limit, what remains and when it resets, as both kinds of headers tell it alike."""
    limit, remaining, reset = (int(response.headers[name]) for name in TOLD[:3])
    policy = re.fullmatch(r'"(key|address|failed)";q=(\d+);w=60', response.headers["ratelimit-policy"])
    state = re.fullmatch(r'"(key|address|failed)";r=(\d+);t=(\d+)', response.headers["ratelimit"])
    assert policy is not None
    assert state is not None
    assert (policy[1], int(policy[2])) == (state[1], limit)
    assert (int(state[2]), int(state[3])) == (remaining, reset)
    assert 1 <= reset <= 60
    return limit, remaining, reset


def bucket(response: httpx.Response) -> tuple[str, int]:
    """Which count an answer tells of, and what remains."""
    return response.headers["ratelimit"].split('"')[1], told(response)[1]


def assert_limited(response: httpx.Response) -> None:
    """Assert that a request was one too many, by its dialect, and is told when to come again."""
    if response.request.url.path.startswith("/v1"):
        error = assert_media_error(response, 403, "RATE_LIMIT")
    else:
        error = assert_exchange_error(response, 429, "rate_limit")
    _, remaining, reset = told(response)
    assert remaining == 0
    assert response.headers["retry-after"] == str(reset)
    assert error["details"] == {"retryAfter": reset}
