"""Reading notifications: one at a time or many, and only the caller's own."""

from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import httpx
import pytest

from _support.members import Member
from _support.notifications import create_notifications
from _support.responses import assert_exchange_error
from _support.servers import Server


def mark(client: httpx.Client, ids: list[str]) -> list[str]:
    """Mark notifications as read, and return the ids of those that are the caller's."""
    response = client.post("/user/notifications/read", json={"ids": ids})
    assert response.status_code == 200, response.text
    assert response.json()["error"] is None
    return list(response.json()["data"]["read"])


def viewed(server: Server, notification: str) -> object:
    """Return when a notification was first read."""
    return server.query("select viewed_on from notification where id::text = $1", notification)[0]["viewed_on"]


def test_read_one(server: Server, me: httpx.Client, member: Member) -> None:
    """Getting a notification marks it as read; the first time stays."""
    (notification,) = create_notifications(server, member, "mention", content={"text": "@you"})
    answer = me.get(f"/user/notifications/{notification}").json()
    assert answer["error"] is None
    assert (answer["data"]["id"], answer["data"]["viewed"]) == (notification, True)
    assert answer["data"]["content"] == {"text": "@you"}
    first = viewed(server, notification)
    assert first is not None
    assert me.get(f"/user/notifications/{notification}").json()["data"] == answer["data"]
    assert viewed(server, notification) == first


def test_other_and_unknown_notifications(server: Server, me: httpx.Client, member: Member) -> None:
    """Another person's notification and an unknown one are the same 404 and stay unread; a malformed id is 400."""
    other = server.new_member(organization=member.organization)
    (foreign,) = create_notifications(server, other, "mention")
    for unknown in (foreign, str(uuid4())):
        assert_exchange_error(me.get(f"/user/notifications/{unknown}"), 404, "not_found")
    assert viewed(server, foreign) is None
    for malformed in ("x", "1", f"{{{uuid4()}}}", uuid4().hex, "%00"):
        assert_exchange_error(me.get(f"/user/notifications/{malformed}"), 400, "invalid_request")


def test_read_many(server: Server, me: httpx.Client, member: Member) -> None:
    """Of many ids, the caller's own are marked and returned, in the given order, each once."""
    mine = create_notifications(server, member, *["other"] * 3)
    (foreign,) = create_notifications(server, server.new_member(), "other")
    requested = [mine[2], foreign, mine[0], str(uuid4()), mine[2].upper()]
    assert mark(me, requested) == [mine[2], mine[0]]
    assert [viewed(server, notification) is not None for notification in (*mine, foreign)] == [True, False, True, False]
    assert mark(me, requested) == [mine[2], mine[0]]
    assert mark(me, []) == []
    assert me.get("/user/notifications/unreads").json()["data"] == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"ids": null}',
        b'{"ids": "x"}',
        b'{"ids": ["x"]}',
        b'{"ids": [1]}',
        b'{"ids": [' + b", ".join(b'"%s"' % str(uuid4()).encode() for _ in range(201)) + b"]}",
    ],
)
def test_invalid_body_is_rejected(me: httpx.Client, body: bytes) -> None:
    """A body that is not a list of up to 200 ids is rejected."""
    response = me.post("/user/notifications/read", content=body, headers={"content-type": "application/json"})
    assert_exchange_error(response, 400, "invalid_request")


def test_maximum_number_of_ids(me: httpx.Client) -> None:
    """As many ids as the reference allows are accepted."""
    assert mark(me, [str(uuid4()) for _ in range(200)]) == []


def test_concurrent_readers(server: Server, me: httpx.Client, member: Member) -> None:
    """Concurrent requests for the same notifications in different orders mark all of them without a deadlock."""
    ids = create_notifications(server, member, *["other"] * 20)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda turn: mark(me, ids[:: 1 if turn % 2 else -1]), range(12)))
    assert all(set(answer) == set(ids) for answer in answers)
    assert me.get("/user/notifications/unreads").json()["data"] == 0


def test_reserved_words(me: httpx.Client) -> None:
    """`unreads` and `read` are not ids: each answers its own methods."""
    assert_exchange_error(me.post("/user/notifications/unreads", json={}), 405, "method_not_allowed")
    assert me.get("/user/notifications/unreads").json()["data"] == 0
    assert me.get("/user/notifications/read").status_code in (400, 405)
