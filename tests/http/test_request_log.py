"""The request log: one JSON line per request, with the id of the response."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from _support.anchoring import BATCH, random_hash, request_anchor, to_ndjson
from _support.members import Member
from _support.raw_http import raw_head, send_raw
from _support.server_log import read_log
from _support.servers import Server, new_server
from _support.waiting import wait_until


@pytest.fixture(scope="module")
def member(server: Server) -> Member:
    """A new person with a key, shared by the tests of this file."""
    return server.new_member()


@pytest.fixture(scope="module")
def api(server: Server, member: Member) -> Iterator[httpx.Client]:
    """An HTTP client with that person's key."""
    with server.client(member.key) as client:
        yield client


def find_lines(server: Server, request_id: str) -> list[dict[str, Any]]:
    """Wait for the lines of a request, which are buffered for a moment, and return them."""

    def find() -> list[dict[str, Any]]:
        return [line for line in read_log(server) if line.get("request_id") == request_id]

    wait_until(find)
    return find()


def test_every_request_has_one_line(server: Server, member: Member, api: httpx.Client) -> None:
    """A request is logged as one JSON line: id, method, path, status, milliseconds, address and the key's id."""
    for response, method, path, status in (
        (api.get("/v1/media?name=secret"), "GET", "/v1/media", 200),
        (request_anchor(api), "POST", "/v1/media/anchor", 201),
        (request_anchor(api, hash="x"), "POST", "/v1/media/anchor", 400),
        (api.get("/v1/nothing"), "GET", "/v1/nothing", 404),
        (api.put("/v1/media"), "PUT", "/v1/media", 405),
        (api.head("/v1/media"), "HEAD", "/v1/media", 200),
        (
            api.post(
                BATCH,
                content=to_ndjson({"hash": random_hash(), "size": 1}),
                headers={"content-type": "application/x-ndjson"},
            ),
            "POST",
            BATCH,
            200,
        ),
    ):
        assert response.status_code == status
        (line,) = find_lines(server, response.headers["x-request-id"])
        assert (line["event"], line["level"]) == ("request", "info")
        assert (line["method"], line["path"], line["status"]) == (method, path, status)
        assert (line["client"], line["key"]) == ("127.0.0.1", member.key_id)
        assert 0 < line["ms"] < 30_000
        assert line["time"].startswith("20")


def test_keyless_request_has_no_key_in_its_line(server: Server) -> None:
    """A request without a key is logged with a null key."""
    with server.client("") as anybody:
        for path in ("/healthz", "/log/key", "/v1/media"):
            (line,) = find_lines(server, anybody.get(path).headers["x-request-id"])
            assert line["key"] is None


@pytest.mark.parametrize("given", ["a", "0190a3c2-0000-7000-8000-000000000000", "A.b_c-9", "x" * 64])
def test_well_formed_id_of_the_caller_is_used(server: Server, api: httpx.Client, given: str) -> None:
    """A well-formed `x-request-id` of the caller is used in the response and in the log."""
    response = api.get("/v1/users", headers={"x-request-id": given})
    assert response.headers["x-request-id"] == given
    assert find_lines(server, given)[0]["path"] == "/v1/users"


@pytest.mark.parametrize(
    "given",
    [b"", b"a b", b"x" * 65, b'{"a":1}', b"a\tb", b"caf\xe9", b"a,b", b"../x", b"<b>"],
    ids=["empty", "space", "65 characters", "JSON", "tab", "latin", "comma", "path", "HTML"],
)
def test_malformed_id_of_the_caller_is_replaced(server: Server, member: Member, given: bytes) -> None:
    """A malformed `x-request-id` is replaced by a new one."""
    response = send_raw(server, raw_head(b"GET", b"/v1/nothing", (b"x-request-id", given)))
    told = response.headers["x-request-id"]
    assert told.encode() != given
    assert find_lines(server, told)[0]["path"] == "/v1/nothing"


def test_id_given_twice_is_replaced(server: Server) -> None:
    """Two `x-request-id` headers are replaced by a new one."""
    response = send_raw(server, raw_head(b"GET", b"/v1/x", (b"x-request-id", b"one"), (b"x-request-id", b"two")))
    assert response.headers["x-request-id"] not in ("one", "two", "one, two")


def test_nobody_writes_lines_into_the_log(server: Server, member: Member) -> None:
    """Line ends and control characters in a path or header stay inside their line; keys and queries are not logged."""
    path = b"/v1/media/%0a%7b%22event%22%3a%22forged%22%7d%0a%1b%5b31m"
    request = raw_head(
        b"GET", path + b"?name=hidden-query", (b"x-api-key", member.key.encode()), (b"user-agent", b"\x80")
    )
    response = send_raw(server, request)
    (line,) = find_lines(server, response.headers["x-request-id"])
    assert line["path"] == '/v1/media/\n{"event":"forged"}\n\x1b[31m'
    assert not [line for line in read_log(server) if line["event"] == "forged"]
    text = server.log.read_text()
    assert member.key not in text
    assert "hidden-query" not in text


def test_unreadable_request_has_a_line_too(server: Server) -> None:
    """A request that is not HTTP is logged with the id of its response."""
    response = send_raw(server, b"nonsense\r\n\r\n")
    (line,) = find_lines(server, response.headers["x-request-id"])
    assert (line["event"], line["level"]) == ("a request could not be read", "warning")


def test_lines_outlive_a_stop_and_can_be_switched_off() -> None:
    """A request answered just before a stop is logged; with the request log off, none is."""
    with new_server() as server:
        with server.client() as client:
            told = client.get("/v1/media").headers["x-request-id"]
        server.stop()
        assert [line["request_id"] for line in read_log(server) if line["event"] == "request"] == [told]
        server.log.unlink()
        server.settings.update(log_requests="no", log_level="warning")
        server.start()
        with server.client() as client:
            assert client.get("/v1/media").status_code == 200
        server.stop()
        assert read_log(server) == []
