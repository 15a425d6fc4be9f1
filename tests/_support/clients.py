"""HTTP clients of the exchange dialect: plain httpx with a token, and the official Python client."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from _support.servers import Server


def get_token(server: Server, key: str) -> str:
    """Exchange an API key for a token."""
    with server.client("") as client:
        response = client.post("/users/get-token", json={"pat": key})
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["error"] is None, answer
    return str(answer["token"])


@contextmanager
def exchange_client(server: Server, key: str, **headers: str) -> Iterator[httpx.Client]:
    """Open an HTTP client that sends a token of this key."""
    sent = {"authorization": get_token(server, key), **headers}
    with httpx.Client(base_url=server.url, headers=sent, timeout=30, trust_env=False) as client:
        yield client


@contextmanager
def official_client(server: Server, key: str, **options: Any) -> Iterator[Any]:
    """Open the official client `ouro-py`, unmodified, against our server."""
    from ouro import Ouro  # importing it takes a second

    before = _connections()
    try:
        yield Ouro(api_key=key, base_url=server.url, **options)
    finally:
        # Ouro has no close(), and one whose key was refused was never returned: find its connections and close them.
        for made in _connections():
            if made not in before:
                made.close()


def _connections() -> list[httpx.Client]:
    return [thing for thing in gc.get_objects() if type(thing) is httpx.Client]
