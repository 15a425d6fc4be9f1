"""The error model: every error is written in the dialect of its path."""

from collections.abc import Iterator

import asyncpg
import httpx
import pytest

from _support.anchoring import ANCHOR, BATCH, random_hash, request_anchor
from _support.raw_http import raw_head, send_raw
from _support.responses import assert_exchange_error, assert_media_error
from _support.server_log import read_log
from _support.servers import Server, new_server
from hallmarket.server.http.litestar_app import is_unstorable_value

OUTSIDE = ["/", "/nothing", "/v2/media", "/V1", "/log", "/log/nothing", "/log/tile/0/x", "/healthz/x", "/metrics/x"]
ITEM = "/v1/media/0190a3c2-0000-7000-8000-000000000000"
KEYED = ["/v1/users", "/v1/media", ITEM]
ALLOWED = {
    "/v1/users": "GET, HEAD, OPTIONS",
    "/v1/media": "GET, HEAD, OPTIONS, POST",
    "/v1/media/x": "GET, HEAD, OPTIONS",
    "/v1/media/anchor": "OPTIONS, POST",
    "/v1/media/anchor/batch": "OPTIONS, POST",
    "/v1/public/media/x": "GET, HEAD, OPTIONS",
    "/v1/public/media/x/proof": "GET, HEAD, OPTIONS",
}


@pytest.fixture(scope="module")
def keyless(server: Server) -> Iterator[httpx.Client]:
    """An HTTP client without a key."""
    with server.client("") as client:
        yield client


@pytest.fixture(scope="module")
def keyed(server: Server) -> Iterator[httpx.Client]:
    """An HTTP client with a valid key."""
    with server.client() as client:
        yield client


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/nothing", "/v1/media/x/y", "/v1/public", "/v1/public/nothing"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_unknown_path_is_not_found_with_or_without_a_key(
    keyless: httpx.Client, keyed: httpx.Client, method: str, path: str
) -> None:
    """An unknown path under `/v1` is 404 by any method, with and without a key."""
    for client in (keyless, keyed):
        assert_media_error(client.request(method, path), 404, "NOT_FOUND")
    assert_media_error(keyless.request(method, path, headers={"x-api-key": "bad"}), 404, "NOT_FOUND")


@pytest.mark.parametrize("path", OUTSIDE)
def test_unknown_path_outside_speaks_the_other_dialect(keyless: httpx.Client, path: str) -> None:
    """An unknown path outside `/v1` is 404 in the exchange dialect."""
    assert_exchange_error(keyless.get(path), 404, "not_found")


@pytest.mark.parametrize(("path", "allow"), ALLOWED.items())
def test_wrong_method_says_which_are_right(keyless: httpx.Client, path: str, allow: str) -> None:
    """A wrong method is 405, and `Allow` names the methods of the path."""
    for method in {"PUT", "PATCH", "DELETE", "GET", "POST"} - set(allow.split(", ")):
        response = keyless.request(method, path)
        if path == "/v1/media/anchor" and method == "GET":
            continue  # the router takes `anchor` for an id
        assert assert_media_error(response, 405, "METHOD_NOT_ALLOWED")["details"] == {"allow": allow}
        assert response.headers["allow"] == allow
    options = keyless.options(path)
    assert (options.status_code, options.headers["allow"]) == (204, allow)


def test_wrong_method_outside_speaks_the_other_dialect(keyless: httpx.Client) -> None:
    """A wrong method outside `/v1` is 405 in the exchange dialect, with `Allow`."""
    for path in ("/healthz", "/readyz", "/metrics", "/log/checkpoint", "/log/key", "/log/tile/0/000"):
        response = keyless.post(path)
        assert_exchange_error(response, 405, "method_not_allowed")
        assert response.headers["allow"] == "GET, HEAD, OPTIONS"


@pytest.mark.parametrize("key", [None, "", "nonsense", "hm_00000000_" + "a" * 43])
@pytest.mark.parametrize("path", KEYED)
def test_missing_or_bad_key_is_unauthenticated(keyless: httpx.Client, path: str, key: str | None) -> None:
    """Without a key, or with an unknown one, every path that needs a key is 401."""
    headers = {} if key is None else {"x-api-key": key}
    assert_media_error(keyless.get(path, headers=headers), 401, "UNAUTHENTICATED")


@pytest.mark.parametrize("path", [ANCHOR, BATCH])
def test_key_comes_before_the_body(server: Server, keyless: httpx.Client, path: str) -> None:
    """Without a valid key the body is not read: the 401 comes before it was sent."""
    for content, content_type in ((b"{", "application/json"), (b"", ""), (b"x" * 2**21, "text/plain")):
        response = keyless.post(path, content=content, headers={"content-type": content_type})
        assert_media_error(response, 401, "UNAUTHENTICATED")
    unsent = raw_head(b"POST", path.encode(), (b"content-length", b"1000"), (b"content-type", b"application/json"))
    assert_media_error(send_raw(server, unsent), 401, "UNAUTHENTICATED")


def test_every_answer_carries_an_id_of_its_own(keyless: httpx.Client, keyed: httpx.Client) -> None:
    """Every response of both dialects, error or not, has a unique `x-request-id`."""
    paths = ["/healthz", "/readyz", "/metrics", "/log/key", "/log/checkpoint", "/nothing", "/v1/nothing", "/v1/media"]
    answers = [client.get(path) for path in paths for client in (keyless, keyed)]
    answers += [
        request_anchor(keyed),
        request_anchor(keyed, hash="x"),
        keyed.post(BATCH),
        keyed.options("/v1/media"),
        keyed.head("/v1/media"),
    ]
    ids = [answer.headers["x-request-id"] for answer in answers]
    assert len(set(ids)) == len(ids)


def test_errors_are_not_kept_by_caches(keyless: httpx.Client, keyed: httpx.Client) -> None:
    """Errors and private responses are not cached."""
    for response in (
        keyless.get("/v1/media"),
        keyless.get("/nothing"),
        request_anchor(keyed, hash="x"),
        keyless.put("/v1/media"),
    ):
        assert response.headers["cache-control"] == "no-store"


def test_answers_name_no_software(keyless: httpx.Client) -> None:
    """A response does not reveal the server's software."""
    for path in ("/healthz", "/v1/nothing", "/log/key"):
        assert "server" not in keyless.get(path).headers
        assert "x-powered-by" not in keyless.get(path).headers


@pytest.mark.parametrize("path", [ITEM, ANCHOR, BATCH, "/v1/public/media/", "/log/checkpoint"])
def test_crash_is_told_in_form(path: str, wrecked: Server) -> None:
    """An unexpected exception is a 500 in the path's dialect, without details, and is logged with the request's id."""
    with wrecked.client() as api:
        if path in (ANCHOR, BATCH):
            content_type = "application/json" if path == ANCHOR else "application/x-ndjson"
            body = f'{{"hash": "{random_hash()}", "size": 1}}'
            response = api.post(path, content=body, headers={"content-type": content_type})
        else:
            response = api.get(path + random_hash() if path.endswith("/") else path)
    if path.startswith("/v1"):
        error = assert_media_error(response, 500, "SERVER_ERROR")
    else:
        error = assert_exchange_error(response, 500, "server_error")
    assert "relation" not in error["message"]
    assert response.headers["cache-control"] == "no-store"
    logged = [line for line in read_log(wrecked) if line.get("request_id") == response.headers["x-request-id"]]
    failure = next(line for line in logged if line["event"] == "request failed")
    assert "UndefinedTableError" in failure["exception"]
    assert failure["level"] == "error"


BEYOND = {
    "NUL in a text": ("select $1::text", "a\0b", True),
    "NUL in JSON": ("select $1::jsonb", '"\\u0000"', True),
    "half a character": ("select $1::text", "\ud800", True),
    "number too large to send": ("select $1::bigint", 2**63, True),
    "number too large to keep": ("select $1::bigint::int", 2**31, True),
    "text for a number": ("select $1::bigint", "7", False),
    "number for a text": ("select $1::text", 7, False),
    "text for numbers": ("select $1::bigint[]", ["7"], False),
    "no id": ("select $1::uuid", "x", False),
    "no JSON": ("select $1::jsonb", "{", False),
    "division by zero": ("select 1 / $1::int", 0, False),
}


@pytest.mark.parametrize(("query", "argument", "beyond"), BEYOND.values(), ids=BEYOND.keys())
def test_only_values_beyond_the_database_are_the_callers_mistake(
    server: Server, query: str, argument: object, beyond: bool
) -> None:
    """A value that PostgreSQL cannot store is a 400; an argument of the wrong type is our error and stays a 500."""
    with pytest.raises(asyncpg.DataError) as raised:
        server.query(query, argument)
    assert is_unstorable_value(raised.value) == beyond


@pytest.fixture(scope="module")
def wrecked() -> Iterator[Server]:
    """A server whose database has lost the tables of media and of the log's state."""
    with new_server() as server:
        server.query("alter table media rename to lost_media")
        server.query("alter table log_head rename to lost_head")
        yield server


def test_server_goes_on_after_crashes(wrecked: Server) -> None:
    """A request that fails does not affect the next one."""
    with wrecked.client() as api:
        assert api.get(ITEM).status_code == 500
        assert api.get("/healthz").json() == {"status": "ok"}
        assert api.get("/v1/users").json()["total"] == 1
