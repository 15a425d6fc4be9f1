"""The exchange dialect as its callers speak it: plain HTTP with a token, and the official Python client."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from support import Server


def get_token(server: Server, key: str) -> str:
    """A token bought with an API key."""
    with server.client("") as client:
        response = client.post("/users/get-token", json={"pat": key})
    assert response.status_code == 200, response.text
    answer = response.json()
    assert answer["error"] is None, answer
    return str(answer["token"])


@contextmanager
def exchange_client(server: Server, key: str, **headers: str) -> Iterator[httpx.Client]:
    """An HTTP client with a token bought with `key`."""
    sent = {"authorization": get_token(server, key), **headers}
    with httpx.Client(base_url=server.url, headers=sent, timeout=30, trust_env=False) as client:
        yield client


@contextmanager
def official_client(server: Server, key: str, **options: Any) -> Iterator[Any]:
    """The official client `ouro-py`, unmodified, constructed against our server."""
    from ouro import Ouro  # takes a second

    before = _connections()
    try:
        yield Ouro(api_key=key, base_url=server.url, **options)
    finally:
        # It has no way to be closed, and one whose key was refused is in nobody's hands.
        for made in _connections():
            if made not in before:
                made.close()


def _connections() -> list[httpx.Client]:
    return [thing for thing in gc.get_objects() if type(thing) is httpx.Client]
