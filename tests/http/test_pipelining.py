"""Several requests on one connection: responses are in order, and a malformed request gets its 400 in its turn."""

import http.client
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import httpx
import pytest

from _support.anchoring import anchor_and_wait, random_hash, request_anchor
from _support.raw_http import raw_head
from _support.responses import assert_media_error
from _support.server_log import assert_no_errors_logged
from _support.servers import Server

LOOKUP = raw_head(b"GET", b"/v1/public/media/" + b"a" * 128)
UNREADABLE = {
    "no method": b"GARBAGE /v1/media HTTP/1.1\r\nhost: x\r\n\r\n",
    "large headers": raw_head(b"GET", b"/v1/media", (b"x-large", b"a" * 70_000)),
    "bad chunk": raw_head(b"POST", b"/v1/media", (b"transfer-encoding", b"chunked")) + b"zz\r\n",
}


@pytest.fixture(scope="module", autouse=True)
def untroubled(server: Server) -> Iterator[None]:
    """No test in this file causes a failed request or a traceback in the server's log."""
    yield
    assert_no_errors_logged(server)


def converse(server: Server, *requests: bytes) -> list[httpx.Response]:
    """Send requests together over one connection; return the responses until the server closes it."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        connection.sendall(b"".join(requests))
        with connection.makefile("rb") as received:
            answers = []
            while first := received.readline():
                headers = http.client.parse_headers(received)
                bare = requests[len(answers)].startswith((b"HEAD", b"OPTIONS")) or b" 304 " in first
                body = b"" if bare else received.read(int(headers["content-length"]))
                answers.append(httpx.Response(int(first.split()[1]), headers=headers.items(), content=body))
    return answers


def keyed(server: Server, method: bytes, target: bytes, body: bytes = b"", *headers: tuple[bytes, bytes]) -> bytes:
    """Build a request with the server's key."""
    sent = [(b"x-api-key", server.api_key.encode()), *headers]
    if body:
        sent += [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    return raw_head(method, target, *sent) + body


def anchor_body(digest: str) -> bytes:
    """Build the body of an anchor request."""
    return b'{"hash": "%s", "size": 1}' % digest.encode()


def test_answers_come_in_the_order_of_the_requests(server: Server) -> None:
    """Pipelined requests, on the fast path and not, valid and not, are answered in order and kept apart."""
    anchor = keyed(server, b"POST", b"/v1/media/anchor", anchor_body(random_hash()))
    answers = converse(
        server,
        keyed(server, b"GET", b"/v1/users"),
        LOOKUP,
        keyed(server, b"HEAD", b"/v1/users"),
        raw_head(b"POST", b"/v1/media/anchor", (b"content-type", b"text/plain"), (b"content-length", b"5")) + b"abcde",
        anchor,
        raw_head(b"OPTIONS", b"/v1/users"),
        anchor,
        keyed(server, b"POST", b"/v1/media/anchor", b"x" * 1_100_000),
        keyed(server, b"GET", b"/healthz", b"", (b"connection", b"close")),
    )
    assert [answer.status_code for answer in answers] == [200, 404, 200, 401, 201, 204, 409, 413, 200]
    assert answers[-1].json() == {"status": "ok"}
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)


@pytest.mark.parametrize("unreadable", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_what_cannot_be_read_is_refused_in_its_turn(server: Server, unreadable: bytes) -> None:
    """A malformed request behind others does not affect their responses: they come first, then its 400."""
    digest = random_hash()
    anchor = keyed(server, b"POST", b"/v1/media/anchor", anchor_body(digest))
    hidden = keyed(server, b"POST", b"/v1/media/anchor", anchor_body(other := random_hash()))
    answers = converse(server, keyed(server, b"GET", b"/v1/users"), anchor, unreadable, hidden)
    assert [answer.status_code for answer in answers] == [200, 201, 400]
    assert_media_error(answers[2], 400, "INVALID_REQUEST")
    assert answers[2].headers["connection"] == "close"
    with server.client() as api:
        assert request_anchor(api, hash=digest).status_code == 409
        assert request_anchor(api, hash=other).status_code == 201  # the request behind it was not read


def test_refused_body_is_answered_once(server: Server) -> None:
    """A request whose body turns invalid has one response: the 401 if that was sent already, else the 400."""
    chunked = ((b"transfer-encoding", b"chunked"), (b"content-type", b"application/json"))
    keyless = raw_head(b"POST", b"/v1/media/anchor", *chunked)
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        connection.sendall(keyless)
        assert connection.recv(65536).startswith(b"HTTP/1.1 401 ")
        connection.sendall(b"zz\r\n")
        assert connection.recv(65536) == b""
    (answer,) = converse(server, keyed(server, b"POST", b"/v1/media/anchor", b"", *chunked) + b"2\r\n{}\r\nzz\r\n")
    assert_media_error(answer, 400, "INVALID_REQUEST")


def test_headers_may_come_in_pieces(server: Server) -> None:
    """Headers that arrive byte by byte form one request; headers above the limit are rejected while they arrive."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        for byte in LOOKUP:
            connection.sendall(bytes([byte]))
        assert connection.recv(65536).startswith(b"HTTP/1.1 404 ")
        connection.sendall(b"GET /v1/media HTTP/1.1\r\n")
        received = b""
        for number in range(100):
            connection.sendall(b"x-%d: %s\r\n" % (number, b"a" * 1000))
        while piece := connection.recv(65536):
            received += piece
        assert received.startswith(b"HTTP/1.1 400 ")


def test_ready_answers_wait_for_their_turn(server: Server, api: httpx.Client) -> None:
    """A look-up that is answered from memory is kept apart from other pipelined requests, in any form."""
    path = f"/v1/public/media/{anchor_and_wait(api, name='known.tif')['hash']}"
    tag = api.get(path).headers["etag"]
    target = path.encode()
    answers = converse(
        server,
        raw_head(b"GET", target),
        keyed(server, b"GET", b"/v1/users"),
        raw_head(b"GET", target),
        raw_head(b"GET", target, (b"if-none-match", tag.encode())),
        raw_head(b"HEAD", target),
        raw_head(b"GET", target, (b"content-length", b"5")) + b"GET /",
        raw_head(b"GET", target, (b"transfer-encoding", b"chunked")) + b"5\r\nGET /\r\n0\r\n\r\n",
        raw_head(b"GET", target + b"?x=1"),
        raw_head(b"GET", target, (b"x-request-id", b"mine")),
        raw_head(b"GET", target, (b"host", b"another")),
        raw_head(b"GET", target, (b"connection", b"close")),
        raw_head(b"GET", target),
    )
    assert [answer.status_code for answer in answers] == [200, 200, 200, 304, 200, 200, 200, 200, 200, 400, 200]
    found = [answer for number, answer in enumerate(answers) if number not in (1, 3, 4, 9)]
    assert {answer.json()["name"] for answer in found} == {"known.tif"}
    assert {answer.headers["etag"] for answer in found} == {tag}
    assert answers[8].headers["x-request-id"] == "mine"
    assert len({answer.headers["x-request-id"] for answer in answers}) == len(answers)
    assert answers[-1].headers["connection"] == "close"
    assert all("date" in answer.headers for answer in answers)
