"""Joining an organization: at once where it is open, by a request where it takes these."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from house import House
from support import Member
from wire import assert_exchange_error, assert_no_trouble

UNKNOWN = "0190a3c2-0000-7000-8000-000000000000"


def test_join(house: House) -> None:
    """Anybody who sees an open organization may join it, as a plain member and once; others are told to ask."""
    newcomer = house.server.new_member()
    client = house.client_of(newcomer)
    house.change(visibility="public")
    assert_exchange_error(client.post(f"{house.path}/join"), 403, "forbidden")
    house.change(join_policy="open")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.post(f"{house.path}/join", json={}), range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert answers[0].json()["data"]["membership"] == {"role": "member", "membership_type": "internal"}
    assert answers[0].json()["data"]["default_team"]
    joined = [event for event in house.events("member.add") if str(event["actor_id"]) == newcomer.person]
    assert [str(event["subject_id"]) for event in joined] == [newcomer.person]
    boss = house.as_boss.post(f"{house.path}/join", json={}).json()["data"]
    assert boss["userRole"] == "admin"


@pytest.mark.parametrize(
    ("policy", "kind", "status"),
    [
        ("verified_only", "base", 403),
        ("verified_only", "agent", 403),
        ("verified_only", "verified", 200),
        ("agents_only", "verified", 403),
        ("agents_only", "agent", 200),
        ("any", "base", 200),
    ],
)
def test_join_is_for_those_the_policy_is_for(house: House, policy: str, kind: str, status: int) -> None:
    """An open organization that is for verified people or for agents is joined by these alone."""
    newcomer = house.server.new_member()
    house.server.query("update person set actor_type = $2 where id = $1", newcomer.person, kind)
    house.change(visibility="public", join_policy="open", actor_type_policy=policy)
    assert house.client_of(newcomer).post(f"{house.path}/join", json={}).status_code == status


def ask(house: House) -> tuple[Member, httpx.Client, dict[str, Any]]:
    """Somebody who asks to join a house that takes requests, with a client and the request as administrators see it."""
    house.change(visibility="public", join_policy="request")
    newcomer = house.server.new_member()
    client = house.client_of(newcomer)
    shown = client.post(f"{house.path}/join", json={}).json()["data"]
    assert (shown["membership"], shown["join_request_pending"]) == (None, True)
    request = next(one for one in requests(house) if one["user_id"] == newcomer.person)
    return newcomer, client, request


def requests(house: House, **query: Any) -> list[dict[str, Any]]:
    """The pending requests, as the administrator sees them."""
    return list(house.as_boss.get(f"{house.path}/join-requests", params=query).json()["data"])


def test_request(house: House) -> None:
    """Whoever asks is in the list, once however often they ask, and the administrators are told."""
    newcomer, client, request = ask(house)
    assert list(request) == ["id", "org_id", "user_id", "user", "status", "created_at"]
    assert (request["org_id"], request["status"]) == (house.id, "pending")
    assert (request["user"]["username"], request["user"]["user_id"]) == (newcomer.username, newcomer.person)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.post(f"{house.path}/join", json={}), range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert requests(house) == [request]
    told = ("other", f"{newcomer.username} asks to join The House.", newcomer.person)
    assert house.told(house.boss) == [told]
    assert house.told(house.clerk)[1:] == []
    assert newcomer.username not in house.roles
    assert client.get(house.path).json()["data"]["join_request_pending"] is True
    assert [event["action"] for event in house.events("organization-request.create")] == ["organization-request.create"]


def test_requests_page(house: House) -> None:
    """Requests go by the time they were made, page by page, and the last page says that it is the last."""
    asked = [ask(house)[0].person for _ in range(3)]
    page = house.as_boss.get(f"{house.path}/join-requests", params={"limit": 2}).json()
    assert page["pagination"] == {"offset": 0, "limit": 2, "total": 3, "hasMore": True, "nextCursor": None}
    rest = house.as_boss.get(f"{house.path}/join-requests", params={"limit": 2, "offset": 2}).json()
    assert rest["pagination"]["hasMore"] is False
    assert [one["user_id"] for one in page["data"] + rest["data"]] == asked


def test_approve(house: House) -> None:
    """Whoever is approved is a member, is told so, and asks no longer."""
    newcomer, client, request = ask(house)
    path = f"{house.path}/join-requests/{request['id']}"
    assert house.as_boss.post(f"{path}/approve", json={}).json() == {"data": None, "error": None}
    assert house.roles[newcomer.username] == "member"
    shown = client.get(house.path).json()["data"]
    assert (shown["userRole"], shown["join_request_pending"]) == ("member", False)
    assert house.told(newcomer) == [("invite", "You are now a member of The House.", house.boss.person)]
    assert requests(house) == []
    for decision in ("approve", "reject"):
        assert_exchange_error(house.as_boss.post(f"{path}/{decision}"), 404, "not_found")
    (event,) = house.events("organization-request.approve")
    assert (str(event["actor_id"]), str(event["subject_id"])) == (house.boss.person, newcomer.person)


def test_reject(house: House) -> None:
    """Whoever is rejected is told so and is no member; they may ask again."""
    newcomer, client, request = ask(house)
    path = f"{house.path}/join-requests/{request['id']}"
    assert house.as_boss.post(f"{path}/reject").json() == {"data": None, "error": None}
    assert house.told(newcomer) == [("other", "Your request to join The House was rejected.", house.boss.person)]
    assert newcomer.username not in house.roles
    assert client.get(house.path).json()["data"]["join_request_pending"] is False
    assert client.post(f"{house.path}/join").json()["data"]["join_request_pending"] is True
    (again,) = requests(house)
    assert again["id"] != request["id"]
    assert len(house.events("organization-request.reject")) == 1


def test_decided_once(house: House) -> None:
    """Of many who decide one request at the same moment one does, and the others find it decided."""
    newcomer, _, request = ask(house)
    path = f"{house.path}/join-requests/{request['id']}"

    def decide(number: int) -> httpx.Response:
        return house.as_boss.post(f"{path}/{('approve', 'reject')[number % 2]}")

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(decide, range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [404] * 5
    assert len(house.told(newcomer)) == 1
    assert_no_trouble(house.server)


def test_request_ends_with_membership(house: House) -> None:
    """Whoever asked and was added without it, or found the door open meanwhile, asks no longer."""
    added, _, _ = ask(house)
    house.add(added)
    _, client, _ = ask(house)
    house.change(join_policy="open")
    assert client.post(f"{house.path}/join").json()["data"]["userRole"] == "member"
    assert requests(house) == []


def test_requests_are_for_administrators(house: House) -> None:
    """A member and a stranger neither see requests nor decide them, least of all their own; ids lead nowhere else."""
    _, client, request = ask(house)
    for somebody in (client, house.as_clerk):
        assert_exchange_error(somebody.get(f"{house.path}/join-requests"), 403, "forbidden")
        for decision in ("approve", "reject"):
            answer = somebody.post(f"{house.path}/join-requests/{request['id']}/{decision}")
            assert_exchange_error(answer, 403, "forbidden")
    other = House(house.server, house.clients)
    for which, status in ((request["id"], 404), (UNKNOWN, 404), ("x", 400)):
        answer = other.as_boss.post(f"{other.path}/join-requests/{which}/approve")
        assert_exchange_error(answer, status, "not_found" if status == 404 else "invalid_request")
    assert requests(house) == [request]
