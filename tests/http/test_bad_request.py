"""Malformed and malicious paths and headers: each named case gets its 4xx in its dialect, never a 500."""

from collections.abc import Iterator

import pytest

from _support.members import Member
from _support.raw_http import raw_head, send_raw
from _support.responses import assert_exchange_error, assert_media_error
from _support.server_log import assert_no_errors_logged
from _support.servers import Server

DIGEST = b"0123456789abcdef" * 8
KEY = b"<the member's key>"


@pytest.fixture(scope="module")
def member(server: Server) -> Member:
    """A new person with a key, shared by the tests of this file."""
    return server.new_member()


@pytest.fixture(scope="module", autouse=True)
def untroubled(server: Server) -> Iterator[None]:
    """No test in this file causes a failed request or a traceback in the server's log."""
    yield
    assert_no_errors_logged(server)


PATHS = {
    "NUL for an id": (b"/v1/media/%00", 404, "NOT_FOUND"),
    "NUL in a hash": (b"/v1/public/media/" + DIGEST[1:] + b"%00", 400, "INVALID_HASH"),
    "NUL in an unknown path": (b"/v1/%00", 404, "NOT_FOUND"),
    "NUL after a known path": (b"/v1/media%00", 404, "NOT_FOUND"),
    "dots": (b"/v1/../healthz", 404, "NOT_FOUND"),
    "encoded dots": (b"/v1/%2e%2e/healthz", 404, "NOT_FOUND"),
    "twice encoded dots": (b"/v1/%252e%252e/healthz", 404, "NOT_FOUND"),
    "dots for an id": (b"/v1/media/..", 404, "NOT_FOUND"),
    "encoded dots for an id": (b"/v1/media/%2e%2e", 404, "NOT_FOUND"),
    "dots out of the public": (b"/v1/public/../media", 404, "NOT_FOUND"),
    "encoded dots out of the public": (b"/v1/public/media/%2e%2e/%2e%2e/media", 404, "NOT_FOUND"),
    "one dot": (b"/v1/./media", 404, "NOT_FOUND"),
    "encoded slash in a hash": (b"/v1/public/media/%2e%2e%2fhealthz", 404, "NOT_FOUND"),
    "encoded slash to another route": (b"/v1/media%2fanchor", 405, "METHOD_NOT_ALLOWED"),
    "backslashes": (b"/v1/media/..%5c..%5chealthz", 404, "NOT_FOUND"),
    "semicolon": (b"/v1/media;jsessionid=1", 404, "NOT_FOUND"),
    "line feed for an id": (b"/v1/media/%0d%0ax-evil:%201", 404, "NOT_FOUND"),
    "no UTF-8": (b"/v1/media/%ff%fe", 404, "NOT_FOUND"),
    "no UTF-8, unknown": (b"/v1/%ff", 404, "NOT_FOUND"),
    "lone surrogate": (b"/v1/media/%ed%a0%80", 404, "NOT_FOUND"),
    "bad escape": (b"/v1/media/%zz", 404, "NOT_FOUND"),
    "cut escape": (b"/v1/media/%", 404, "NOT_FOUND"),
    "raw bytes": (b"/v1/media/\xff\xfe", 400, "INVALID_REQUEST"),
    "raw bytes in the query": (b"/v1/media?name=\xff", 400, "INVALID_REQUEST"),
    "no UTF-8 in the query": (b"/v1/media?name=%ff", 400, "INVALID_REQUEST"),
    "no UTF-8 in a parameter's name": (b"/v1/media?%ff=1", 400, "INVALID_REQUEST"),
    "space": (b"/v1/media /x", 400, "INVALID_REQUEST"),
    "tab": (b"/v1/media/\tx", 400, "INVALID_REQUEST"),
    "60 KB of path": (b"/v1/media/" + b"a" * 60_000, 404, "NOT_FOUND"),
    "70 KB of path": (b"/v1/media/" + b"a" * 70_000, 400, "INVALID_REQUEST"),
    "300 KB of query": (b"/v1/media?name=" + b"a" * 300_000, 400, "INVALID_REQUEST"),
    "10,000 segments": (b"/v1" + b"/a" * 10_000, 404, "NOT_FOUND"),
    "unknown path": (b"/v1/nothing", 404, "NOT_FOUND"),
    "nothing but the version": (b"/v1", 404, "NOT_FOUND"),
    "version and slash": (b"/v1/", 404, "NOT_FOUND"),
    "unknown, absolute": (b"http://elsewhere.example/v1/nothing", 404, "NOT_FOUND"),
    "absolute without a slash": (b"http:/v1/media", 400, "INVALID_REQUEST"),
}


@pytest.mark.parametrize(("target", "status", "code"), PATHS.values(), ids=PATHS.keys())
def test_bad_path_is_refused(server: Server, member: Member, target: bytes, status: int, code: str) -> None:
    """Every bad path under `/v1` gets its 4xx in the media dialect, with a valid key."""
    response = send_raw(server, raw_head(b"GET", target, (b"x-api-key", member.key.encode())))
    if target.startswith(b"http:/v1"):
        assert_exchange_error(response, status, code.lower())  # the path cannot be parsed
    else:
        assert_media_error(response, status, code)


@pytest.mark.parametrize(
    "target",
    [
        b"//v1/media",
        b"/v1//media",
        b"/v1/media/",
        b"/v1%2fmedia",
        b"/%76%31/media",
        b"http://elsewhere.example/v1/media",
    ],
)
def test_no_spelling_of_a_path_gets_past_the_key(server: Server, member: Member, target: bytes) -> None:
    """Double, trailing and encoded slashes and absolute targets lead to the same path, which still needs a key."""
    assert_media_error(send_raw(server, raw_head(b"GET", target)), 401, "UNAUTHENTICATED")
    response = send_raw(server, raw_head(b"GET", target, (b"x-api-key", member.key.encode())))
    assert (response.status_code, response.json()["items"]) == (200, [])


@pytest.mark.parametrize("target", [b"*", b"//", b"/V1/media", b"/v1media", b"/%00", b"/v1%c0%afmedia", b"/\xc3\xbc"])
def test_bad_path_outside_is_refused_in_the_other_dialect(server: Server, target: bytes) -> None:
    """Bad paths outside `/v1` are rejected in the exchange dialect."""
    response = send_raw(server, raw_head(b"OPTIONS" if target == b"*" else b"GET", target))
    assert_exchange_error(
        response, response.status_code, {400: "invalid_request", 404: "not_found"}[response.status_code]
    )


METHODS = {
    "DELETE": (b"DELETE", 405, "METHOD_NOT_ALLOWED"),
    "PUT": (b"PUT", 405, "METHOD_NOT_ALLOWED"),
    "PATCH": (b"PATCH", 405, "METHOD_NOT_ALLOWED"),
    "TRACE": (b"TRACE", 405, "METHOD_NOT_ALLOWED"),
    "PROPFIND": (b"PROPFIND", 405, "METHOD_NOT_ALLOWED"),
    "SOURCE": (b"SOURCE", 405, "METHOD_NOT_ALLOWED"),
    "unknown": (b"ANCHOR", 400, "INVALID_REQUEST"),
    "lower case": (b"get", 400, "INVALID_REQUEST"),
    "of 5,000 letters": (b"A" * 5000, 400, "INVALID_REQUEST"),
}


@pytest.mark.parametrize(("method", "status", "code"), METHODS.values(), ids=METHODS.keys())
@pytest.mark.parametrize("target", [b"/v1/media", b"/v1/media/anchor", b"/v1/public/media/" + DIGEST, b"/v1/users"])
def test_bad_method_is_refused(server: Server, target: bytes, method: bytes, status: int, code: str) -> None:
    """A method that a path does not have gets a 405, and an invalid method a 400."""
    assert_media_error(send_raw(server, raw_head(method, target)), status, code)


HEADERS = {
    "key given twice": ([(b"x-api-key", KEY), (b"x-api-key", KEY)], 401, "UNAUTHENTICATED"),
    "key with another beside it": ([(b"x-api-key", KEY), (b"x-api-key", b"hm_x")], 401, "UNAUTHENTICATED"),
    "key in the exchange's header": ([(b"authorization", b"Bearer " + KEY)], 401, "UNAUTHENTICATED"),
    "key with quotes": ([(b"x-api-key", b'"' + KEY + b'"')], 401, "UNAUTHENTICATED"),
    "key of raw bytes": ([(b"x-api-key", b"\xff\xfe")], 401, "UNAUTHENTICATED"),
    "key of 60 KB": ([(b"x-api-key", b"a" * 60_000)], 401, "UNAUTHENTICATED"),
    "key with NUL": ([(b"x-api-key", KEY + b"\0")], 400, "INVALID_REQUEST"),
    "a header of 70 KB": ([(b"x-api-key", KEY), (b"x-big", b"a" * 70_000)], 400, "INVALID_REQUEST"),
    "a header of 2 MB": ([(b"x-api-key", KEY), (b"x-big", b"a" * 2_000_000)], 400, "INVALID_REQUEST"),
    "300 headers": ([(b"x-api-key", KEY), *[(b"x-%d" % n, b"a") for n in range(300)]], 400, "INVALID_REQUEST"),
    "one header 10,000 times": ([(b"x-api-key", KEY), *[(b"x", b"a")] * 10_000], 400, "INVALID_REQUEST"),
    "Host twice": ([(b"x-api-key", KEY), (b"host", b"b.example")], 400, "INVALID_REQUEST"),
    "a header without a name": ([(b"x-api-key", KEY), (b"", b"a")], 400, "INVALID_REQUEST"),
    "a header with a space": ([(b"x-api-key", KEY), (b"x y", b"a")], 400, "INVALID_REQUEST"),
}


@pytest.mark.parametrize(("headers", "status", "code"), HEADERS.values(), ids=HEADERS.keys())
def test_bad_header_is_refused(
    server: Server, member: Member, headers: list[tuple[bytes, bytes]], status: int, code: str
) -> None:
    """Every malicious header gets its 4xx, and headers that override the method have no effect."""
    sent = [(name, value.replace(KEY, member.key.encode())) for name, value in headers]
    request = raw_head(b"GET", b"/v1/media", *sent)
    if headers[0][0] == b"x-http-method-override":
        request = raw_head(
            b"POST", b"/v1/media/anchor", (b"x-api-key", member.key.encode()), *sent, (b"content-length", b"0")
        )
    assert_media_error(send_raw(server, request), status, code)


HOSTS = [b"a b", b"a/../b", b"a,b", b"x:99999999", b"x:port", b"\xff", b"user@x", b"[::1", b"<script>", b"x?y", b"x#y"]


@pytest.mark.parametrize("host", HOSTS)
def test_bad_host_is_refused(server: Server, member: Member, host: bytes) -> None:
    """A malformed or missing Host gets a 400 on all routes, including the fast path (RFC 9112, 3.2)."""
    for target in (b"/v1/media", b"/v1/public/media/" + DIGEST):
        request = raw_head(b"GET", target, (b"x-api-key", member.key.encode()), host=host)
        assert_media_error(send_raw(server, request), 400, "INVALID_REQUEST", "host")
        without = request.replace(b"host: " + host + b"\r\n", b"")
        assert_media_error(send_raw(server, without), 400, "INVALID_REQUEST", "host")


@pytest.mark.parametrize("host", [b"", b"localhost:8000", b"[::1]:8000", b"a_b.example", b"127.0.0.1", b"%41.example"])
def test_good_host_is_taken(server: Server, host: bytes) -> None:
    """Any well-formed Host is accepted: checking it is the proxy's task."""
    assert_media_error(send_raw(server, raw_head(b"GET", b"/v1/media", host=host)), 401, "UNAUTHENTICATED")


FRAMES = {
    "length negative": [(b"content-length", b"-1")],
    "length no number": [(b"content-length", b"ten")],
    "length huge": [(b"content-length", b"9" * 30)],
    "two lengths": [(b"content-length", b"1"), (b"content-length", b"2")],
    "length and chunks": [(b"content-length", b"5"), (b"transfer-encoding", b"chunked")],
    "unknown transfer encoding": [(b"transfer-encoding", b"gzip")],
}


@pytest.mark.parametrize("headers", FRAMES.values(), ids=FRAMES.keys())
def test_unclear_length_is_refused(server: Server, member: Member, headers: list[tuple[bytes, bytes]]) -> None:
    """A request of ambiguous length gets a 400, and the connection is closed."""
    sent = [(b"x-api-key", member.key.encode()), (b"content-type", b"application/json"), *headers]
    response = send_raw(server, raw_head(b"POST", b"/v1/media/anchor", *sent) + b"0\r\n\r\n")
    assert_media_error(response, 400, "INVALID_REQUEST")
    assert response.headers["connection"] == "close"


@pytest.mark.parametrize(
    "nonsense", [b"\x16\x03\x01\x02\0\x01\0\r\n\r\n", b"\r\n \r\n\r\n", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
)
def test_what_is_no_http_is_refused(server: Server, nonsense: bytes) -> None:
    """TLS, HTTP/2 and random bytes on the port get a 400 and do not affect the server."""
    assert_exchange_error(send_raw(server, nonsense), 400, "invalid_request")
