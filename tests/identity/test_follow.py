"""Follows: a toggle that is safe under concurrency, and lists in both directions."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime

import httpx
import pytest

from _support.clients import exchange_client
from _support.members import Member
from _support.responses import assert_exchange_error
from _support.servers import Server


@pytest.fixture
def me(server: Server, member: Member) -> Iterator[httpx.Client]:
    """A client with the member's token."""
    with exchange_client(server, member.key) as client:
        yield client


@pytest.fixture
def other(server: Server) -> Member:
    """A person in another organization."""
    return server.new_member()


def toggle(client: httpx.Client, name: str) -> bool:
    """Toggle a follow, and return whether the client's person now follows."""
    response = client.put(f"/users/{name}/follow")
    assert response.status_code == 200, response.text
    assert response.json()["error"] is None
    return bool(response.json()["data"]["following"])


def test_follow_and_unfollow(me: httpx.Client, member: Member, other: Member) -> None:
    """The first request follows and the second unfollows; profiles and lists agree."""
    answer = me.put(f"/users/{other.username}/follow").json()
    assert answer["data"] == {"user_id": member.person, "followed_user_id": other.person, "following": True}
    profile = me.get(f"/users/{other.username}").json()["data"]
    assert (profile["followers"], profile["following"], profile["isFollowing"]) == (1, 0, True)
    assert me.get("/user/profile").json()["data"]["following"] == 1
    assert toggle(me, other.person) is False
    assert me.get(f"/users/{other.username}").json()["data"]["isFollowing"] is False
    assert me.get(f"/users/{other.username}/follows").json()["data"] == []


def test_follows_in_both_directions(server: Server, me: httpx.Client, member: Member, other: Member) -> None:
    """A list of follows has the people one follows and the followers, newest first, with exactly four fields."""
    third = server.new_member()
    toggle(me, other.username)
    with exchange_client(server, third.key) as client:
        toggle(client, member.username)
        answer = client.get(f"/users/{member.username}/follows").json()
        assert client.get(f"/users/{member.username}").json()["data"]["isFollowing"] is True
    assert answer["error"] is None
    assert [set(row) for row in answer["data"]] == [{"id", "user_id", "followed_user_id", "added_at"}] * 2
    pairs = [(row["user_id"], row["followed_user_id"]) for row in answer["data"]]
    assert pairs == [(third.person, member.person), (member.person, other.person)]
    assert all(datetime.fromisoformat(row["added_at"]).tzinfo for row in answer["data"])
    assert me.get(f"/users/{third.username}").json()["data"]["isFollowed"] is True
    first = me.get(f"/users/{member.username}/follows", params={"limit": 1}).json()
    second = me.get(f"/users/{member.username}/follows", params={"limit": 1, "offset": 1}).json()
    assert first["data"] + second["data"] == answer["data"]
    assert (first["pagination"]["hasMore"], second["pagination"]["hasMore"]) == (True, False)


def test_nobody_follows_themselves(me: httpx.Client, member: Member) -> None:
    """Following oneself is rejected, by username and by id."""
    for name in (member.username, member.person):
        assert_exchange_error(me.put(f"/users/{name}/follow"), 400, "invalid_request")
    assert me.get(f"/users/{member.username}/follows").json()["data"] == []


@pytest.mark.parametrize("times", [2, 9])
def test_concurrent_toggles(server: Server, me: httpx.Client, member: Member, other: Member, times: int) -> None:
    """Concurrent toggles happen one after the other: half of them follow, and the last one counts."""
    with ThreadPoolExecutor(times) as pool:
        answers = list(pool.map(lambda _: toggle(me, other.username), range(times)))
    assert answers.count(True) == (times + 1) // 2
    rows = server.query(
        "select from follow where follower_id::text = $1 and followed_id::text = $2", member.person, other.person
    )
    assert len(rows) == times % 2
    assert me.get(f"/users/{other.username}").json()["data"]["isFollowing"] is (times % 2 == 1)


def test_two_people_follow_each_other_concurrently(
    server: Server, me: httpx.Client, member: Member, other: Member
) -> None:
    """Two people who toggle follows of each other at the same time do not deadlock."""
    with exchange_client(server, other.key) as back, ThreadPoolExecutor(8) as pool:
        pairs = [(me, other.username), (back, member.username)] * 9
        list(pool.map(lambda pair: toggle(*pair), pairs))
        assert back.get("/user/profile").json()["data"]["following"] == 1
    assert me.get("/user/profile").json()["data"]["following"] == 1


def test_followed_person_is_notified(server: Server, me: httpx.Client, member: Member, other: Member) -> None:
    """A followed person gets one unread notification, however often the follower toggles."""
    for _ in range(5):
        toggle(me, other.username)
    rows = server.query(
        "select source_id::text, type, content from notification where destination_id::text = $1", other.person
    )
    assert [(row["source_id"], row["type"]) for row in rows] == [(member.person, "follow")]
    assert member.username in rows[0]["content"]
    assert not server.query("select from notification where destination_id::text = $1", member.person)
