"""Rate limits of both dialects: per key, per address without a key, and separately for invalid credentials."""

from collections.abc import Iterator
from time import sleep, time

import pytest

from _support.anchoring import request_anchor
from _support.clients import official_client
from _support.rate_limits import RATE_LIMIT_HEADERS, assert_limited, client_at, read_bucket, read_rate_limit
from _support.responses import assert_exchange_error, assert_media_error
from _support.servers import Server, new_server


@pytest.fixture(scope="module")
def limited() -> Iterator[Server]:
    """A server with limits of 5 per key, 7 per address and 3 invalid keys, which trusts a proxy's addresses."""
    with new_server(rate_limit_key=5, rate_limit_address=7, rate_limit_failed=3, trusted_proxies="127.0.0.1") as server:
        yield server


def test_key_has_its_quota_over_all_paths(limited: Server) -> None:
    """All requests of a key are counted together, from any address; above the limit they are 403 RATE_LIMIT."""
    key = limited.new_member().key
    with client_at(limited, key, "10.0.0.1") as here, client_at(limited, key, "10.0.0.2") as there:
        answers = [
            here.get("/v1/media"),
            there.get("/v1/users"),
            request_anchor(here),
            request_anchor(there, hash="x"),
            here.get("/v1/x"),
        ]
        assert [answer.status_code for answer in answers] == [200, 200, 201, 400, 404]
        assert [read_rate_limit(answer)[:2] for answer in answers] == [(5, 4), (5, 3), (5, 2), (5, 1), (5, 0)]
        assert answers[0].headers["ratelimit-policy"] == '"key";q=5;w=60'
        for client in (here, there):
            assert_limited(client.get("/v1/media"))
            assert_limited(request_anchor(client))


def test_keys_do_not_share_a_quota(limited: Server) -> None:
    """A key at its limit affects neither another key of the same person nor its address."""
    first = limited.new_member()
    second = limited.new_key(first, organization=first.organization).key
    with client_at(limited, first.key, "10.0.1.1") as one, client_at(limited, second, "10.0.1.1") as other:
        for _ in range(5):
            one.get("/v1/media")
        assert_limited(one.get("/v1/media"))
        assert read_rate_limit(other.get("/v1/media"))[:2] == (5, 4)
    with client_at(limited, "", "10.0.1.1") as keyless:
        assert read_rate_limit(keyless.get("/v1/media"))[:2] == (7, 6)


def test_address_has_its_quota_where_there_is_no_key(limited: Server) -> None:
    """Requests without a key are counted per address, public look-ups and 401s together."""
    with client_at(limited, "", "10.0.2.1") as client, client_at(limited, "", "10.0.2.2") as neighbour:
        paths = ["/v1/public/media/" + "a" * 128, "/v1/public/media/x", "/v1/media", "/v1/nothing"] * 2
        answers = [client.get(path) for path in paths[:7]]
        assert [answer.status_code for answer in answers] == [404, 400, 401, 404, 404, 400, 401]
        assert [read_rate_limit(answer)[:2] for answer in answers] == [(7, left) for left in range(6, -1, -1)]
        assert answers[0].headers["ratelimit-policy"] == '"address";q=7;w=60'
        assert_limited(client.get(paths[0]))
        assert read_rate_limit(neighbour.get(paths[0]))[:2] == (7, 6)


def test_public_lookups_count_by_address_even_with_a_key(limited: Server) -> None:
    """A public look-up counts for its address, not for the key that it is sent with, valid or not."""
    key = limited.new_member().key
    with client_at(limited, key, "10.0.3.1") as client:
        for left in (6, 5, 4):
            assert read_rate_limit(client.get("/v1/public/media/x"))[:2] == (7, left)
        assert read_rate_limit(client.get("/v1/media"))[:2] == (5, 4)
        assert (
            client.get("/v1/public/media/x", headers={"x-api-key": "bad"}).headers["ratelimit"].startswith('"address"')
        )


def test_bad_keys_have_a_bucket_of_their_own(limited: Server) -> None:
    """After three invalid keys, keys from that address are rejected; its other requests are not affected."""
    key = limited.new_member().key
    with client_at(limited, "", "10.0.4.1") as client:
        for left in (2, 1, 0):
            response = client.get("/v1/media", headers={"x-api-key": f"guess-{left}"})
            assert_media_error(response, 401, "UNAUTHENTICATED")
            assert read_rate_limit(response)[:2] == (3, left)
            assert response.headers["ratelimit-policy"] == '"failed";q=3;w=60'
        assert_limited(client.get("/v1/media", headers={"x-api-key": "guess-3"}))
        assert_limited(client.get("/v1/media", headers={"x-api-key": ""}))
        assert read_rate_limit(client.get("/v1/public/media/x"))[:2] == (7, 6)
    with client_at(limited, key, "10.0.4.2") as elsewhere:
        assert read_rate_limit(elsewhere.get("/v1/media"))[:2] == (5, 4)
    with client_at(limited, key, "10.0.4.1") as known:
        assert read_rate_limit(known.get("/v1/media"))[:2] == (5, 3)


def test_guesser_is_not_told_of_a_hit(limited: Server) -> None:
    """Once an address has used up its failures, the response to a valid guess is the same as to an invalid one."""
    fresh = limited.new_member().key
    with client_at(limited, "", "10.0.5.1") as client:
        for number in range(3):
            client.get("/v1/media", headers={"x-api-key": f"guess-{number}"})
        assert_limited(client.get("/v1/media", headers={"x-api-key": fresh}))
    with client_at(limited, fresh, "10.0.5.2") as client:
        assert read_rate_limit(client.get("/v1/media"))[:2] == (5, 4)


def test_over_the_limit_nothing_is_done(limited: Server) -> None:
    """A request above the limit anchors nothing."""
    member = limited.new_member()
    with client_at(limited, member.key, "10.0.6.1") as client:
        for _ in range(5):
            client.get("/v1/media")
        assert_limited(request_anchor(client))
    assert limited.query("select count(*) from media where organization_id = $1", member.organization)[0][0] == 0


def test_reset_counts_down(limited: Server) -> None:
    """`X-RateLimit-Reset` is in seconds from now; it shrinks, and a new request does not extend it."""
    with client_at(limited, limited.new_member().key, "10.0.7.1") as client:
        began, first, answered = time(), read_rate_limit(client.get("/v1/media"))[2], time()
        sleep(2.1)
        asked, again, ended = time(), read_rate_limit(client.get("/v1/media"))[2], time()
        assert asked - answered - 1.1 <= first - again <= ended - began + 1.1
        assert again < first


def test_what_is_open_is_not_counted(limited: Server) -> None:
    """The log and the operators' routes have no rate limits."""
    with client_at(limited, "", "10.0.8.1") as client:
        for path in ("/healthz", "/readyz", "/log/checkpoint", "/log/key", "/log/nothing"):
            for _ in range(9):
                response = client.get(path)
                assert response.status_code in (200, 404)
                assert not [name for name in RATE_LIMIT_HEADERS if name in response.headers]


def test_no_limit_is_no_limit(server: Server) -> None:
    """A limit of 0 disables the count and its headers."""
    with server.client() as client:
        response = client.get("/v1/media")
        assert response.status_code == 200
        assert not [name for name in RATE_LIMIT_HEADERS if name in response.headers]


def buy(server: Server, key: str, address: str) -> str:
    """Return a token bought with a key, from an address that is used nowhere else."""
    with client_at(server, "", address) as client:
        return str(client.post("/users/get-token", json={"pat": key}).json()["token"])


def test_tokens_share_their_keys_quota(limited: Server) -> None:
    """A key and all its tokens are counted together in both dialects; above the limit the exchange dialect has 429."""
    key = limited.new_member().key
    one, other = buy(limited, key, "10.1.0.1"), buy(limited, key, "10.1.0.2")
    with (
        client_at(limited, key, "10.1.0.3", authorization=one) as first,
        client_at(limited, key, "10.1.0.4", authorization=f"Bearer {other}") as second,
    ):
        asked = [(first, "/user"), (second, "/user"), (first, "/v1/media"), (second, "/nothing"), (first, "/x")]
        answers = [client.get(path) for client, path in asked]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 404, 404]
        assert [read_bucket(answer) for answer in answers] == [("key", left) for left in (4, 3, 2, 1, 0)]
        for path in ("/user", "/v1/media", "/nothing"):
            assert_limited(first.get(path))
            assert_limited(second.get(path))


def test_exchange_without_a_token_counts_by_address(limited: Server) -> None:
    """Requests without a token are counted per address, including get-token, 401s, unknown paths and `/v1`."""
    key = limited.new_member().key
    with client_at(limited, "", "10.1.1.1") as client:
        answers = [client.get("/user"), client.get("/nothing"), client.post("/users/get-token", json={"pat": key})]
        for _ in range(2):
            answers += [client.get("/v1/public/media/x"), client.post("/users/get-token", content=b"{")]
        assert [answer.status_code for answer in answers] == [401, 404, 200, 400, 400, 400, 400]
        assert [read_bucket(answer) for answer in answers] == [("address", left) for left in range(6, -1, -1)]
        assert_limited(client.get("/user"))
        assert_limited(client.post("/users/get-token", json={"pat": key}))
        assert_limited(client.get("/v1/media"))


def test_bad_tokens_and_bad_keys_fail_together(limited: Server) -> None:
    """Invalid tokens, invalid keys, and invalid keys in the body of get-token share one count of failures."""
    with client_at(limited, "", "10.1.2.1") as client:
        bad_token = client.get("/user", headers={"authorization": "Bearer x.y.z"})
        assert_exchange_error(bad_token, 401, "unauthenticated")
        bad_key = client.get("/v1/media", headers={"x-api-key": "guess"})
        assert_media_error(bad_key, 401, "UNAUTHENTICATED")
        bought = client.post("/users/get-token", json={"pat": "guess"})
        assert bought.status_code == 200
        assert bought.json()["token"] is None
        assert [read_bucket(answer) for answer in (bad_token, bad_key, bought)] == [
            ("failed", left) for left in (2, 1, 0)
        ]
        assert_limited(client.get("/user", headers={"authorization": "x.y.z"}))
        assert_limited(client.get("/v1/media", headers={"x-api-key": "guess"}))
        assert_limited(client.post("/users/get-token", json={"pat": "guess"}))
        assert_limited(client.post("/users/get-token", json={"pat": limited.new_member().key}))
        assert read_bucket(client.get("/user"))[0] == "address"


def test_failures_cost_nobody_with_a_good_key_anything(limited: Server) -> None:
    """From an address without failures left, a key in use and all tokens still work, even with empty caches."""
    member = limited.new_member()
    token, unseen = buy(limited, member.key, "10.1.3.1"), buy(limited, member.key, "10.1.3.2")
    with client_at(limited, "", "10.1.3.3") as guesser:
        for number in range(3):
            guesser.get("/user", headers={"authorization": f"guess-{number}"})
        assert_limited(guesser.get("/user", headers={"authorization": "guess"}))
    limited.query(
        "update api_key set name = 'renamed' where id = $1", member.key_id
    )  # every server drops its cached keys
    sleep(0.2)
    with client_at(limited, member.key, "10.1.3.3") as holder:
        assert read_bucket(holder.get("/v1/media")) == ("key", 4)
        assert read_bucket(holder.get("/user", headers={"authorization": token})) == ("key", 3)
        assert read_bucket(holder.get("/user", headers={"authorization": unseen})) == ("key", 2)
        assert holder.post("/users/get-token", json={"pat": member.key}).json()["token"]


def test_official_client_is_told_to_wait(limited: Server) -> None:
    """The official client raises its RateLimitError with status 429 and the seconds to wait."""
    import ouro

    key = limited.new_member().key
    with official_client(limited, key) as client, client_at(limited, key, "10.1.4.1") as other:
        while other.get("/v1/media").status_code == 200:
            pass
        with pytest.raises(ouro.RateLimitError) as caught:
            client.users.me()
    assert caught.value.status_code == 429
    assert 1 <= int(caught.value.response.headers["retry-after"]) <= 60


def test_strangers_addresses_are_not_believed(limited: Server) -> None:
    """`X-Forwarded-For` is ignored unless a proxy is trusted."""
    limited.stop()
    del limited.settings["trusted_proxies"]
    limited.start()
    answers = []
    for number in range(9):
        with client_at(limited, "", f"10.9.9.{number}") as client:
            answers.append(client.get("/v1/public/media/x").status_code)
    assert answers == [400] * 7 + [403] * 2
