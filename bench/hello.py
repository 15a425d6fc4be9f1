"""Baseline for small responses: a bare ASGI application that sends the same bytes to every request."""

import os
from collections.abc import Awaitable, Callable
from typing import Any

BODY = b"x" * int(os.environ.get("BODY_BYTES", "20"))
HEADERS = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(BODY))]


async def app(_scope: Any, _receive: Any, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
    """Handle one request."""
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})
