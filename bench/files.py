"""Uploads and downloads of one large file, compared with a bare ASGI application.

python -m bench.files
"""

import os
import socket
import statistics
import sys
import tempfile
import time
from pathlib import Path
from urllib.parse import urlsplit

from _support.clients import exchange_client
from _support.servers import new_server
from bench.bare import bare_application
from bench.table import Row, print_rows, ratio_row

ROUNDS = 7
MIB = 1024 * 1024
SIZE_BYTES = 256 * MIB


def run(rounds: int = ROUNDS, size_bytes: int = SIZE_BYTES) -> list[Row]:
    """Alternate the server and the bare application; medians."""
    # The server's data is in the folder for temporary files too, so both use the same disk.
    with tempfile.TemporaryDirectory() as folder, new_server(rate_limit_key=0, rate_limit_address=0) as server:
        path = Path(folder) / "get"
        with path.open("wb") as file:
            for _ in range(size_bytes // MIB):
                file.write(os.urandom(MIB))
        with (
            bare_application(application="bytes", folder=folder) as bare,
            exchange_client(server, server.api_key) as api,
        ):
            ups, bare_ups, downs, bare_downs = [], [], [], []
            for _ in range(rounds):
                upload = api.post("/files/upload-url", json={"file_name": "large.bin"}).json()["data"]
                ups.append(_upload(upload["upload_url"], path))
                bare_ups.append(_upload(bare + "/", path))
                request = {"upload_id": upload["upload_id"], "download": True}
                completed = api.post("/files/upload/complete", json=request).json()["data"]
                assert completed["size"] == size_bytes
                downs.append(_download(completed["download_url"], size_bytes))
                bare_downs.append(_download(bare + "/", size_bytes))
                api.request("DELETE", "/files/upload", json={"upload_id": upload["upload_id"]})
    size, median = f"a file of {size_bytes // MIB} MiB", statistics.median
    return [
        ratio_row(f"upload of {size}", median(ups), median(bare_ups), "MB/s", "bare ASGI that fingerprints it", 0.8),
        ratio_row(f"download of {size}", median(downs), median(bare_downs), "MB/s", "bare ASGI", 0.7),
    ]


def _upload(url: str, path: Path) -> float:
    """Return megabytes per second from the first byte sent to the response."""
    with _connect(url) as connection, path.open("rb") as file:
        size_bytes = path.stat().st_size
        started_s = time.perf_counter()
        _send_head(connection, "PUT", url, f"content-length: {size_bytes}\r\n")
        connection.sendfile(file)
        response = connection.recv(65536)
        elapsed_s = time.perf_counter() - started_s
    assert response.startswith(b"HTTP/1.1 200"), response
    return size_bytes / 1e6 / elapsed_s


def _download(url: str, size_bytes: int) -> float:
    """Return megabytes per second from the request to the last byte."""
    with _connect(url) as connection:
        started_s = time.perf_counter()
        _send_head(connection, "GET", url, "")
        buffer = bytearray(4 * MIB)
        received = connection.recv_into(buffer)
        assert buffer.startswith(b"HTTP/1.1 200"), buffer[:500]
        while count := connection.recv_into(buffer):
            received += count
        elapsed_s = time.perf_counter() - started_s
    assert received > size_bytes
    return received / 1e6 / elapsed_s


def _connect(url: str) -> socket.socket:
    address = urlsplit(url)
    return socket.create_connection((str(address.hostname), int(address.port or 80)))


def _send_head(connection: socket.socket, method: str, url: str, headers: str) -> None:
    head = f"{method} {urlsplit(url).path} HTTP/1.1\r\nhost: bench\r\nconnection: close\r\n{headers}\r\n"
    connection.sendall(head.encode())


if __name__ == "__main__":
    sys.exit(not print_rows(run()))
