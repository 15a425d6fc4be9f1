"""Retries, against a scripted server that fails."""

import gzip
import json

import pytest

from _support.scripted_server import scripted_server
from hallmarket.client import AnchorRequest, Hallmarket, HallmarketError, ServerUnreachable

HASH = "ab" * 64
UNAVAILABLE = (503, {}, b'{"code":"UNAVAILABLE","message":"The database is away.","details":null}')
READY = (200, {}, b'{"status":"ready"}')


@pytest.mark.parametrize(
    "passing",
    [
        UNAVAILABLE,
        (502, {}, b"<html>bad gateway</html>"),
        (429, {}, b"{}"),
        (403, {}, b'{"code":"RATE_LIMIT","message":"Slow down.","details":null}'),
        (0, {}, b""),
        (0, {}, b'{"sta'),
    ],
    ids=["unavailable", "gateway", "429", "rate limit", "closed", "cut"],
)
def test_transient_failures_are_retried(passing):
    """An outage, a rate limit or a broken connection is retried until the server answers."""
    waits = []
    with (
        scripted_server(passing, passing, (200, {}, b"key")) as (url, bodies),
        Hallmarket(url, retry_s=10, on_wait=lambda *wait: waits.append(wait)) as server,
    ):
        assert server.log_key() == "key"
    assert len(bodies) == 3
    assert [seconds < 1 for _, seconds in waits] == [True, True]


def test_retry_after_is_honoured():
    """The server's Retry-After is the length of the pause."""
    limited = (403, {"retry-after": "1"}, b'{"code":"RATE_LIMIT","message":"Slow down.","details":null}')
    waits = []
    with (
        scripted_server(limited, (200, {}, b"key")) as (url, _),
        Hallmarket(url, retry_s=10, on_wait=lambda *wait: waits.append(wait)) as server,
    ):
        assert server.log_key() == "key"
    assert [seconds for _, seconds in waits] == [1]


def test_a_pause_beyond_the_budget_is_not_begun():
    """If Retry-After exceeds the remaining time, the error is raised immediately."""
    limited = (403, {"retry-after": "600"}, b'{"code":"RATE_LIMIT","message":"Slow down.","details":null}')
    waits = []
    with (
        scripted_server(limited) as (url, bodies),
        Hallmarket(url, retry_s=5, on_wait=lambda *wait: waits.append(wait)) as server,
        pytest.raises(HallmarketError, match="RATE_LIMIT"),
    ):
        server.log_key()
    assert (len(bodies), waits) == (1, [])


def test_the_retry_budget_ends():
    """After `retry_s` the last error is raised, whether the server answers or not."""
    for response, error in ((UNAVAILABLE, HallmarketError), ((0, {}, b""), ServerUnreachable)):
        with scripted_server(response) as (url, _), Hallmarket(url, retry_s=0.5) as server, pytest.raises(error):
            server.log_key()


@pytest.mark.parametrize(
    "response",
    [(401, {}, b'{"code":"UNAUTHENTICATED","message":"No.","details":null}'), (500, {}, b"oops"), (403, {}, b"")],
)
def test_permanent_failures_are_not_retried(response):
    """A refusal or a server error is raised without a second attempt."""
    with scripted_server(response) as (url, bodies), Hallmarket(url, retry_s=10) as server:
        with pytest.raises(HallmarketError) as error:
            server.users()
        assert error.value.status == response[0]
    assert len(bodies) == 1


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"status":1}', b'{"status":"\xff"}'], ids=repr)
def test_a_response_of_another_shape(body):
    """A response that is not Hallmarket's is ServerUnreachable, never a decoding error."""
    with (
        scripted_server((200, {}, body)) as (url, _),
        Hallmarket(url, retry_s=0) as server,
        pytest.raises(ServerUnreachable),
    ):
        server.ready()


def test_readiness_of_an_unavailable_server():
    """`ready` returns the content of a 503."""
    with (
        scripted_server((503, {}, b'{"status":"unavailable","database":"away"}')) as (url, _),
        Hallmarket(url) as server,
    ):
        assert server.ready().status == "unavailable"


def _results(first, count):
    lines = [{"index": index, "status": 201, "id": f"id-{first + index}"} for index in range(count)]
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def test_an_interrupted_batch_is_resumed():
    """If a batch's response is cut, only the lines without a result are sent again, and none is lost."""
    requests = [AnchorRequest(HASH, number) for number in range(5)]
    responses = [
        (0, {}, _results(0, 2) + b'{"index":2,"sta'),
        UNAVAILABLE,
        (200, {}, _results(2, 1)),
        (200, {}, _results(3, 2)),
    ]
    with scripted_server(*responses) as (url, bodies), Hallmarket(url, retry_s=10) as server:
        results = list(server.anchor_batch(requests))
    assert [(result.index, result.id) for result in results] == [(number, f"id-{number}") for number in range(5)]
    sent = [[json.loads(line)["size"] for line in body.splitlines()] for body in bodies]
    assert sent == [[0, 1, 2, 3, 4], [2, 3, 4], [2, 3, 4], [3, 4]]


def test_large_batches_are_gzipped():
    """A body above 16 KiB is compressed, a smaller one is not."""
    with scripted_server((200, {}, _results(0, 1))) as (url, bodies), Hallmarket(url) as server:
        list(server.anchor_batch([AnchorRequest(HASH, 1, metadata="x" * 20_000)]))
        list(server.anchor_batch([AnchorRequest(HASH, 1)]))
    assert json.loads(gzip.decompress(bodies[0]))["metadata"] == "x" * 20_000
    assert json.loads(bodies[1]) == {"hash": HASH, "size": 1}
