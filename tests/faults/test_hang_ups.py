"""Clients that hang up, stall or send halves: nothing half done, and nobody else notices.

`HALLMARKET_FAULT_ROUNDS` repeats the rounds more often.
"""

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
from _support.processes import find_workers, list_open_files
from _support.servers import Server
from _support.waiting import wait_until
from faults.audit import audit
from faults.load import Witness
from faults.rounds import long_enough, rounds

pytestmark = long_enough


@pytest.fixture(scope="module", autouse=True)
def _calm_log(server: Server, witness: Witness) -> Iterator[None]:
    """Whatever clients do here, the server's own log stays free of errors."""
    witness.answers.clear()  # those are of the faults before
    before = len(server.log.read_text())
    yield
    told = server.log.read_text()[before:]
    assert '"level":"error"' not in told
    assert "Traceback" not in told


@pytest.fixture(params=["close", "reset"])
def hang_up(request: pytest.FixtureRequest) -> Any:
    """Both ways to hang up: politely (FIN), and not (RST)."""

    def close(connection: socket.socket) -> None:
        if request.param == "reset":
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    return close


def test_a_request_cut_short_does_nothing(server: Server, witness: Witness, hang_up: Any) -> None:
    """A request of which the end never came, wherever it was cut, is as if it had not been sent."""
    anchor = _new_anchor(witness)
    whole = _request(server, "/v1/media/anchor", json.dumps(anchor).encode())
    for cut in sorted(random.sample(range(1, len(whole)), 12)):
        connection = _connect(server)
        connection.sendall(whole[:cut])
        time.sleep(0.005)
        hang_up(connection)
    with server.client() as http:
        answer = http.post("/v1/media/anchor", json=anchor)
        assert answer.status_code == 201
        witness.acknowledge(anchor["hash"], answer.json()["id"])
    _verify_calm(server, witness)


def test_an_answer_nobody_waited_for(server: Server, witness: Witness, hang_up: Any) -> None:
    """Whoever hangs up before the answer finds the item anchored once or not at all, and may ask again."""
    anchors = [_new_anchor(witness) for _ in range(20)]
    for anchor in anchors:
        connection = _connect(server)
        connection.sendall(_request(server, "/v1/media/anchor", json.dumps(anchor).encode()))
        time.sleep(random.choice([0, 0, 0.001, 0.003]))
        hang_up(connection)
    with server.client() as http:
        for anchor in anchors:
            answer = http.post("/v1/media/anchor", json=anchor)
            assert answer.status_code in (201, 409)
            item_id = answer.json()["id"] if answer.status_code == 201 else answer.json()["details"]["id"]
            witness.acknowledge(anchor["hash"], item_id)
    _verify_calm(server, witness)


def test_a_batch_cut_short_anchors_none_of_it(server: Server, witness: Witness, hang_up: Any) -> None:
    """Half a batch anchors nothing, however much of it came and however its length was given."""
    for chunked in (False, True):
        anchors = [_new_anchor(witness) for _ in range(3000)]
        lines = [json.dumps(anchor).encode() + b"\n" for anchor in anchors]
        whole = _request(server, "/v1/media/anchor/batch", b"".join(lines), chunked=chunked)
        connection = _connect(server)
        connection.sendall(whole[: random.randrange(len(whole) // 2, len(whole) - 2)])
        time.sleep(0.05)
        hang_up(connection)
        _send_again(server, witness, anchors, may_be_known=False)
    _verify_calm(server, witness)


def test_a_batch_whose_answer_nobody_read(server: Server, witness: Witness, hang_up: Any) -> None:
    """Whoever hangs up in the middle of a batch's answer finds each line anchored once or not at all."""
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


def test_clients_that_stall_hold_up_nobody(server: Server, witness: Witness) -> None:
    """Hundreds of clients that stop in the middle of a request cost the others nothing but memory."""
    anchor = json.dumps(_new_anchor(witness)).encode()
    with contextlib.ExitStack() as stalled:
        for number in range(300):
            path = "/v1/media/anchor/batch" if number % 2 else "/v1/media/anchor"
            connection = stalled.enter_context(_connect(server))
            connection.sendall(_request(server, path, anchor)[: -1 - number % 50])
        with server.client() as http:
            for _ in range(20):
                anchor_of_another = _new_anchor(witness)
                answer = http.post("/v1/media/anchor", json=anchor_of_another, timeout=15)
                assert answer.status_code == 201
                witness.acknowledge(anchor_of_another["hash"], answer.json()["id"])
    _verify_calm(server, witness)


def test_everything_that_was_hung_up_on(server: Server, witness: Witness) -> None:
    """After all that, the log holds what was acknowledged, each once, and nothing of what was sent by halves."""
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
        answer = http.post("/v1/media/anchor/batch", content=body, headers={"content-type": "application/x-ndjson"})
    lines = [json.loads(line) for line in answer.text.splitlines()]
    assert len(lines) == len(anchors)
    for anchor, line in zip(anchors, lines, strict=True):
        assert line["status"] == 201 or (may_be_known and line["status"] == 409), line
        witness.acknowledge(anchor["hash"], line["id"] if line["status"] == 201 else line["details"]["id"])


def _verify_calm(server: Server, witness: Witness) -> None:
    """Fail if anything of the clients that are gone stays: connections, scratch files, open transactions."""
    witness.check(every_request_answered=True)
    for worker in find_workers(server):
        wait_until(lambda one=worker: not _connections(one, urlsplit(server.url).port))
        wait_until(lambda one=worker: not _scratch_files(one))
    idle = "select 1 from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'"
    wait_until(lambda: not server.query(idle))
    with server.client("") as http:
        assert http.get("/healthz").status_code == httpx.codes.OK


def _scratch_files(worker: psutil.Process) -> list[str]:
    # They have no name, so only whoever has them open knows of them.
    return [name for name in list_open_files(worker.pid) if "/scratch/" in name]


def _connections(worker: psutil.Process, port: int | None) -> list[Any]:
    open_ones = [one for one in worker.net_connections("tcp") if one.status == psutil.CONN_ESTABLISHED]
    return [one for one in open_ones if one.laddr.port == port]  # the others lead to a database elsewhere
