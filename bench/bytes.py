"""Baseline for uploads and downloads: a bare ASGI application that only receives and sends bytes.

PUT fingerprints the request body and writes it to the file FOLDER/put, with fsync. GET sends the file FOLDER/get.
"""

import hashlib
import os
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

FOLDER = Path(os.environ.get("FOLDER", "."))
PIECE_BYTES = 1024 * 1024
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


async def app(scope: Any, receive: Receive, send: Send) -> None:
    """Handle one request."""
    await (_receive_file(receive, send) if scope["method"] == "PUT" else _send_file(send))


async def _receive_file(receive: Receive, send: Send) -> None:
    fingerprint = hashlib.sha3_512()
    with (FOLDER / "put").open("wb") as file:
        more = True
        while more:
            message = await receive()
            more = message.get("more_body", False)
            fingerprint.update(message["body"])
            file.write(message["body"])
        file.flush()
        os.fsync(file.fileno())
    body = fingerprint.hexdigest().encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


async def _send_file(send: Send) -> None:
    path = FOLDER / "get"
    headers = [(b"content-length", b"%d" % path.stat().st_size)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    with path.open("rb", buffering=0) as file:
        while piece := file.read(PIECE_BYTES):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
    await send({"type": "http.response.body", "body": b""})
