"""`GET /user`: answered from the cache, and never out of date."""

from _support.clients import exchange_client
from _support.members import Member
from _support.responses import assert_exchange_error
from _support.servers import Server
from _support.waiting import wait_until


def test_me(server: Server, member: Member) -> None:
    """The caller gets their ids, username, name and email address, in a response that must not be cached."""
    with exchange_client(server, member.key) as client:
        response = client.get("/user")
        data = {"username": member.username, "name": "Jane Doe", "email": None}
        assert response.json() == {"data": {"id": member.person, "user_id": member.person, **data}, "error": None}
        assert response.headers["cache-control"] == "private, no-store"
        head = client.head("/user")
        assert (head.status_code, head.content) == (200, b"")
        assert head.headers["content-length"] == response.headers["content-length"]
        assert_exchange_error(client.post("/user"), 405, "method_not_allowed")


def test_cached_person_is_updated(server: Server, member: Member) -> None:
    """A change to a person by any process shows in their next responses."""
    with exchange_client(server, member.key) as client:
        for column, shown in (("email", "email"), ("username", "username")):
            value = f"new-{member.username}"
            assert client.get("/user").json()["data"][shown] != value
            server.query(f"update person set {column} = $2 where id = $1", member.person, value)
            wait_until(lambda shown=shown, value=value: client.get("/user").json()["data"][shown] == value)
        server.query("update person set firstname = null, lastname = null where id = $1", member.person)
        wait_until(lambda: client.get("/user").json()["data"]["name"] is None)
