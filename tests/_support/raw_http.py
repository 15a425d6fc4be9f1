"""HTTP requests written byte by byte."""

import http.client
import socket
from urllib.parse import urlsplit

import httpx

from _support.servers import Server


def send_raw(server: Server, request: bytes, timeout_s: float = 20.0) -> httpx.Response:
    """Send exactly these bytes over a new connection and return the response."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=timeout_s) as connection:
        connection.sendall(request)
        response = http.client.HTTPResponse(connection, method=request.split(b" ", 1)[0].decode("latin-1"))
        with response:
            response.begin()
            return httpx.Response(response.status, headers=response.getheaders(), content=response.read())


def raw_head(method: bytes, target: bytes, *headers: tuple[bytes, bytes], host: bytes = b"hallmarket.test") -> bytes:
    """Build a request's first line and headers."""
    lines = [b"%s: %s" % header for header in ((b"host", host), *headers)]
    return b"\r\n".join([b"%s %s HTTP/1.1" % (method, target), *lines, b"", b""])
