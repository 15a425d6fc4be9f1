"""HTTP on the wire: requests written byte by byte, the forms every error must have, and a server's log read back."""

import http.client
import json
import socket
from typing import Any
from urllib.parse import urlsplit

import httpx

from support import Server

TROUBLE = ("request failed", "Traceback", "exception")


def exchange(server: Server, request: bytes, timeout_s: float = 20.0) -> httpx.Response:
    """The answer to exactly these bytes, sent over a connection of their own."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=timeout_s) as connection:
        connection.sendall(request)
        answer = http.client.HTTPResponse(connection, method=request.split(b" ", 1)[0].decode("latin-1"))
        with answer:
            answer.begin()
            return httpx.Response(answer.status, headers=answer.getheaders(), content=answer.read())


def head(method: bytes, target: bytes, *headers: tuple[bytes, bytes], host: bytes = b"hallmarket.test") -> bytes:
    """A request's first line and headers."""
    lines = [b"%s: %s" % header for header in ((b"host", host), *headers)]
    return b"\r\n".join([b"%s %s HTTP/1.1" % (method, target), *lines, b"", b""])


def assert_media_error(response: httpx.Response, status: int, code: str, field: str | None = None) -> dict[str, Any]:
    """Assert that an answer is an error exactly as the media dialect writes one; returns it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-request-id"]
    error = response.json()
    assert list(error) == ["code", "message", "details"]
    assert error["code"] == code, error
    assert isinstance(error["message"], str)
    assert error["message"]
    assert error["details"] is None or isinstance(error["details"], dict)
    if field is not None:
        assert error["details"]["field"] == field, error
    return dict(error)


def assert_exchange_error(response: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """Assert that an answer is an error exactly as the exchange dialect writes one; returns it."""
    assert response.status_code == status, response.text
    assert response.headers["content-type"] == "application/json"
    assert response.headers["x-request-id"]
    answer = response.json()
    assert list(answer) == ["data", "error"]
    assert answer["data"] is None
    assert {"message", "code", "status"} <= set(answer["error"])
    assert (answer["error"]["code"], answer["error"]["status"]) == (code, status)
    return dict(answer["error"])


def read_log(server: Server) -> list[dict[str, Any]]:
    """Every line of the server's log so far; each must be JSON. One that is being written is left out."""
    whole, _, _ = server.log.read_text().rpartition("\n")
    return [json.loads(line) for line in whole.splitlines()]


def assert_no_trouble(server: Server) -> None:
    """Assert that the server's log tells of no request that failed and holds no traceback."""
    trouble = [line for line in server.log.read_text().splitlines() if any(word in line for word in TROUBLE)]
    assert not trouble, trouble[:3]
