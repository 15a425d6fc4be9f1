"""Clients that disconnect, stall or send half a request: nothing is half done, and other clients are not affected."""

import contextlib
import json
import random
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import httpx
import psutil
import pytest

from _support.anchoring import random_hash
from _support.long_run import fault_timeout, rounds
from _support.processes import find_workers, list_open_files
from _support.servers import Server
from _support.waiting import wait_until
from faults.audit import audit
from faults.load import Witness

pytestmark = fault_timeout


@pytest.fixture(scope="module", autouse=True)
def _calm_log(server: Server, witness: Witness) -> Iterator[None]:
    """No client in this file causes an error in the server's log."""
    witness.statuses.clear()  # of the tests before
    before = len(server.log.read_text())
    yield
    logged = server.log.read_text()[before:]
    assert '"level":"error"' not in logged
    assert "Traceback" not in logged


@pytest.fixture(params=["close", "reset"])
def hang_up(request: pytest.FixtureRequest) -> Any:
    """Both ways to disconnect: FIN and RST."""

    def close(connection: socket.socket) -> None:
        if request.param == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    return close


def test_truncated_request_does_nothing(server: Server, witness: Witness, hang_up: Any) -> None:
    """A truncated request does nothing, wherever it was cut."""
    anchor = _new_anchor(witness)
    request = _request(server, "/v1/media/anchor", json.dumps(anchor).encode())
    for cut in sorted(random.sample(range(1, len(request)), 12)):
        connection = _connect(server)
        connection.sendall(request[:cut])
        time.sleep(0.005)
        hang_up(connection)
    with server.client() as http:
        response = http.post("/v1/media/anchor", json=anchor)
        assert response.status_code == 201
        witness.acknowledge(anchor["hash"], response.json()["id"])
    _verify_calm(server, witness)


def test_disconnect_before_the_response(server: Server, witness: Witness, hang_up: Any) -> None:
    """If a client disconnects before the response, the item is anchored once or not at all, and it can retry."""
    anchors = [_new_anchor(witness) for _ in range(20)]
    for anchor in anchors:
        connection = _connect(server)
        connection.sendall(_request(server, "/v1/media/anchor", json.dumps(anchor).encode()))
        time.sleep(random.choice([0, 0, 0.001, 0.003]))
        hang_up(connection)
    with server.client() as http:
        for anchor in anchors:
            response = http.post("/v1/media/anchor", json=anchor)
            assert response.status_code in (201, 409)
            item_id = response.json()["id"] if response.status_code == 201 else response.json()["details"]["id"]
            witness.acknowledge(anchor["hash"], item_id)
    _verify_calm(server, witness)


def test_truncated_batch_anchors_nothing(server: Server, witness: Witness, hang_up: Any) -> None:
    """A truncated batch anchors nothing, however much of it arrived and however its length was given."""
    for chunked in (False, True):
        anchors = [_new_anchor(witness) for _ in range(3000)]
        lines = [json.dumps(anchor).encode() + b"\n" for anchor in anchors]
        request = _request(server, "/v1/media/anchor/batch", b"".join(lines), chunked=chunked)
        connection = _connect(server)
        connection.sendall(request[: random.randrange(len(request) // 2, len(request) - 2)])
        time.sleep(0.05)
        hang_up(connection)
        _send_again(server, witness, anchors, may_be_known=False)
    _verify_calm(server, witness)


def test_disconnect_during_a_batch_response(server: Server, witness: Witness, hang_up: Any) -> None:
    """If a client disconnects during the response to a batch, each line is anchored once or not at all."""
    for _ in rounds(2):
        anchors = [_new_anchor(witness) for _ in range(4000)]
        body = b"".join(json.dumps(anchor).encode() + b"\n" for anchor in anchors)
        connection = _connect(server)
        connection.sendall(_request(server, "/v1/media/anchor/batch", body))
        if random.random() < 0.7:
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
        hang_up(connection)
        _send_again(server, witness, anchors, may_be_known=True)
    _verify_calm(server, witness)


def test_stalled_clients_delay_no_others(server: Server, witness: Witness) -> None:
    """Hundreds of clients that stall during a request do not delay the others."""
    anchor = json.dumps(_new_anchor(witness)).encode()
    with contextlib.ExitStack() as stalled:
        for number in range(300):
            path = "/v1/media/anchor/batch" if number % 2 else "/v1/media/anchor"
            connection = stalled.enter_context(_connect(server))
            connection.sendall(_request(server, path, anchor)[: -1 - number % 50])
        with server.client() as http:
            for _ in range(20):
                other_anchor = _new_anchor(witness)
                response = http.post("/v1/media/anchor", json=other_anchor, timeout=15)
                assert response.status_code == 201
                witness.acknowledge(other_anchor["hash"], response.json()["id"])
    _verify_calm(server, witness)


def test_log_after_all_disconnects(server: Server, witness: Witness) -> None:
    """After these tests the log contains each acknowledged item once, and nothing from truncated requests."""
    audit(server, witness)


def _new_anchor(witness: Witness) -> dict[str, Any]:
    anchor = {"hash": random_hash(), "size": 7}
    witness.sent.add(str(anchor["hash"]))
    return anchor


def _connect(server: Server) -> socket.socket:
    url = urlsplit(server.url)
    return socket.create_connection((url.hostname, url.port), timeout=60)


def _request(server: Server, path: str, body: bytes, *, chunked: bool = False) -> bytes:
    kind = "application/x-ndjson" if path.endswith("batch") else "application/json"
    length = "transfer-encoding: chunked" if chunked else f"content-length: {len(body)}"
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\nx-api-key: {server.api_key}\r\ncontent-type: {kind}\r\n{length}\r\n\r\n"
    if chunked:
        pieces = [body[start : start + 5000] for start in range(0, len(body), 5000)]
        body = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"
    return head.encode() + body


def _send_again(server: Server, witness: Witness, anchors: list[dict[str, Any]], *, may_be_known: bool) -> None:
    body = b"".join(json.dumps(anchor).encode() + b"\n" for anchor in anchors)
    with server.client() as http:
        response = http.post("/v1/media/anchor/batch", content=body, headers={"content-type": "application/x-ndjson"})
    lines = [json.loads(line) for line in response.text.splitlines()]
    assert len(lines) == len(anchors)
    for anchor, line in zip(anchors, lines, strict=True):
        assert line["status"] == 201 or (may_be_known and line["status"] == 409), line
        witness.acknowledge(anchor["hash"], line["id"] if line["status"] == 201 else line["details"]["id"])


def _verify_calm(server: Server, witness: Witness) -> None:
    """Fail if anything of the disconnected clients remains: connections, scratch files, open transactions."""
    witness.check(every_request_answered=True)
    for worker in find_workers(server):
        wait_until(lambda one=worker: not _connections(one, urlsplit(server.url).port))
        wait_until(lambda one=worker: not _scratch_files(one))
    idle = "select 1 from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'"
    wait_until(lambda: not server.query(idle))
    with server.client("") as http:
        assert http.get("/healthz").status_code == httpx.codes.OK


def _scratch_files(worker: psutil.Process) -> list[str]:
    # They have no name, so they are found only as open files.
    return [name for name in list_open_files(worker.pid) if "/scratch/" in name]


def _connections(worker: psutil.Process, port: int | None) -> list[Any]:
    open_ones = [one for one in worker.net_connections("tcp") if one.status == psutil.CONN_ESTABLISHED]
    # The others may be connections to a database on another machine.
    return [one for one in open_ones if one.laddr.port == port]
