"""Rate limits of several servers with one Redis: a shared count while it responds, else a count per worker."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle

import httpx
import pytest

from _support.anchoring import anchor_and_wait, random_hash
from _support.clients import get_token
from _support.rate_limits import assert_limited, client_at, read_bucket, read_rate_limit
from _support.redis_server import Redis, new_redis
from _support.server_log import assert_no_errors_logged, read_log
from _support.servers import Server, new_server
from _support.waiting import wait_until

KEY, ADDRESS, FAILED = 20, 16, 6
AWAY, BACK = "Redis is away: each worker counts rate limits for itself", "servers share their counts of rate limits"
NOTHING = "/v1/public/media/x"


@pytest.fixture(scope="module")
def redis() -> Iterator[Redis]:
    """A Redis for this file; its tests kill or suspend it, and it is restored after each."""
    with new_redis() as running:
        yield running


@pytest.fixture(scope="module")
def first(redis: Redis) -> Iterator[Server]:
    """A server of two workers that counts in Redis and trusts a proxy's addresses."""
    limits = {"rate_limit_key": KEY, "rate_limit_address": ADDRESS, "rate_limit_failed": FAILED}
    with new_server(**limits, rate_limit_storage=redis.url, trusted_proxies="127.0.0.1", workers=2) as running:
        yield running


@pytest.fixture(scope="module")
def second(first: Server) -> Iterator[Server]:
    """Another server, with one worker, on the same database and the same Redis."""
    log_key = (first.data / "log.key").read_text().strip()
    settings = {**first.settings, "log_key": log_key, "workers": 1}
    server = Server(first.data.with_name("second"), first.postgres_url, **settings).start()
    yield server
    server.stop()


def ask(server: Server, path: str, address: str, key: str = "", **headers: str) -> httpx.Response:
    """Send one request over a new connection, which any worker may accept."""
    with client_at(server, key, address, **headers) as client:
        return client.get(path)


def times(server: Server, words: str) -> int:
    """Count the events of a name in a server's log."""
    return sum(words in line["event"] for line in read_log(server))


def test_a_keys_quota_is_one_over_all_servers(first: Server, second: Server) -> None:
    """Requests of a key and its tokens to any server and worker, in both dialects, share one quota."""
    member = first.new_member()
    token = get_token(second, member.key)
    left = KEY
    for server, path in zip(cycle((first, second, first)), ["/v1/media", "/user"] * (KEY // 2), strict=False):
        left -= 1
        assert read_bucket(ask(server, path, "10.0.0.1", member.key, authorization=token)) == ("key", left)
    for server in (first, second):
        assert_limited(ask(server, "/v1/media", "10.0.0.1", member.key))
        assert_limited(ask(server, "/user", "10.0.0.1", authorization=token))


def test_public_lookups_count_over_all_servers(first: Server, second: Server) -> None:
    """Requests that can be answered from memory are counted in Redis, too."""
    member, digest = first.new_member(), random_hash()
    with first.client(member.key) as client:
        anchor_and_wait(client, hash=digest)
    for left, server in zip(range(ADDRESS - 1, -1, -1), cycle((first, second)), strict=False):
        response = ask(server, f"/v1/public/media/{digest}", "10.0.1.1")
        assert response.status_code == 200
        assert read_bucket(response) == ("address", left)
    for server in (first, second):
        assert_limited(ask(server, f"/v1/public/media/{digest}", "10.0.1.1"))
        assert read_bucket(ask(server, f"/v1/public/media/{digest}", "10.0.1.2"))[0] == "address"


def test_a_guesser_is_refused_everywhere(first: Server, second: Server) -> None:
    """Failures are counted together over all servers and dialects; a key in use still works."""
    key = first.new_member().key
    for server in (first, second):
        assert ask(server, "/v1/media", "10.0.2.1", key).status_code == 200
    with client_at(first, "", "10.0.2.2") as one, client_at(second, "", "10.0.2.2") as other:
        for number in range(FAILED // 2):
            assert read_bucket(one.get("/user", headers={"authorization": f"{number}"})) == (
                "failed",
                FAILED - 2 * number - 1,
            )
            answer = other.post("/users/get-token", json={"pat": f"{number}"})
            assert read_bucket(answer) == ("failed", FAILED - 2 * number - 2)
        for client in (one, other):
            assert_limited(client.get("/user", headers={"authorization": "x"}))
            assert_limited(client.get("/v1/media", headers={"x-api-key": "x"}))
            assert_limited(client.post("/users/get-token", json={"pat": "x"}))
    assert read_bucket(ask(second, "/v1/media", "10.0.2.2", key))[0] == "key"


def test_racing_requests_pass_exactly_as_often_as_they_may(first: Server, second: Server) -> None:
    """Of many concurrent requests to all servers exactly the quota passes."""
    with ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda n: ask((first, second)[n % 2], NOTHING, "10.0.3.1"), range(3 * ADDRESS)))
    assert sorted(answer.status_code for answer in answers) == [400] * ADDRESS + [403] * 2 * ADDRESS
    passed = [read_rate_limit(answer)[1] for answer in answers if answer.status_code == 400]
    assert sorted(passed) == list(range(ADDRESS))


def test_nothing_is_kept_longer_than_its_window(redis: Redis, first: Server) -> None:
    """Every key in Redis has the same prefix and expires with its window."""
    ask(first, NOTHING, "10.0.4.1")
    keys = redis.command("keys", "*").split()
    assert "hallmarket:address/10.0.4.1" in keys
    for key in keys:
        assert key.startswith("hallmarket:")
        assert int(redis.command("ttl", key)) in (-2, *range(61))  # -2: it has ended meanwhile


def assert_counts_alone(server: Server, address: str, key: str) -> None:
    """Assert that the server of one worker counts from zero by itself, and rejects requests above the limit."""
    for left in range(ADDRESS - 1, -1, -1):
        response = ask(server, NOTHING, address)
        assert response.status_code == 400
        assert read_bucket(response) == ("address", left)
    assert_limited(ask(server, NOTHING, address))
    assert ask(server, "/v1/media", address, key).status_code == 200
    assert ask(server, "/user", address, authorization=get_token(server, key)).status_code == 200


def assert_shared_again(first: Server, second: Server, address: str) -> None:
    """Assert that the two servers count together as soon as they log it."""
    for server in (first, second):
        wait_until(lambda server=server: times(server, AWAY) == times(server, BACK))
        assert_no_errors_logged(server)
    assert [read_bucket(ask(server, NOTHING, address))[1] for server in (first, second)] == [ADDRESS - 1, ADDRESS - 2]


def test_a_killed_redis(redis: Redis, first: Server, second: Server) -> None:
    """Without Redis each worker counts by itself and logs one warning; with Redis they count together again."""
    key, before = first.new_member().key, times(second, AWAY)
    ask(second, NOTHING, "10.0.5.1")
    redis.kill()
    assert_counts_alone(second, "10.0.5.1", key)
    assert ask(first, NOTHING, "10.0.5.1").status_code == 400
    redis.start()
    assert_shared_again(first, second, "10.0.5.2")
    assert times(second, AWAY) == before + 1


def test_a_redis_that_hangs(redis: Redis, first: Server, second: Server) -> None:
    """A Redis that accepts commands but does not respond delays no request, and keeps its counts."""
    key, before = first.new_member().key, times(second, AWAY)
    assert read_bucket(ask(second, NOTHING, "10.0.6.1")) == ("address", ADDRESS - 1)
    with redis.hanging():
        assert_counts_alone(second, "10.0.6.1", key)
        with ThreadPoolExecutor(12) as pool:
            answers = list(pool.map(lambda n: ask(first, NOTHING, f"10.0.6.{n}"), range(10, 60)))
        assert {answer.status_code for answer in answers} == {400}
    assert_shared_again(first, second, "10.0.6.2")
    assert times(second, AWAY) == before + 1
    assert ask(second, NOTHING, "10.0.6.1").status_code == 400


def test_a_redis_that_takes_nothing(redis: Redis, first: Server, second: Server) -> None:
    """A Redis that responds but cannot write, such as a replica, is treated as unavailable."""
    key, before = first.new_member().key, times(second, AWAY)
    assert redis.command("config", "set", "min-replicas-to-write", "1") == "OK"
    try:
        assert_counts_alone(second, "10.0.7.1", key)
    finally:
        redis.command("config", "set", "min-replicas-to-write", "0")
    assert_shared_again(first, second, "10.0.7.2")
    assert times(second, AWAY) == before + 1


def test_start_without_redis(redis: Redis, first: Server, second: Server) -> None:
    """A server starts while Redis is down, and counts with the others once it is up."""
    key = first.new_member().key
    redis.kill()
    second.stop()
    second.start()
    assert_counts_alone(second, "10.0.8.1", key)
    redis.start()
    assert_shared_again(first, second, "10.0.8.2")
