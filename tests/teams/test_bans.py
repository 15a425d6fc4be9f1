"""Bans: out, and out for good, until they are lifted."""

from typing import Any
from uuid import uuid4

import pytest

from circle import Circle, at_once
from wire import assert_exchange_error


def test_banned_is_out_and_stays_out(circle: Circle) -> None:
    """A ban ends the membership, refuses joining again, shows in the list, and tells the person why."""
    owner, person = circle.person(), circle.person()
    path = f"/teams/{owner.create_team('quiet', join_policy='open')['id']}"
    person.ask("POST", f"{path}/join")
    body = {"user_id": person.id, "reason": "noise", "remove_contributions": True}
    assert owner.ask("POST", f"{path}/bans", json=body) is None
    team = person.ask("GET", path)
    assert (team["joinStatus"], team["memberCount"], team["userMembership"]) == ("banned", 1, None)
    assert_exchange_error(person.client.post(f"{path}/join"), 403, "forbidden")
    (ban,) = owner.ask("GET", f"{path}/bans")
    assert set(ban) == {"id", "team_id", "user_id", "user", "reason", "created_at"}
    assert (ban["user_id"], ban["user"]["user_id"], ban["reason"]) == (person.id, person.id, "noise")
    assert person.told(circle.server) == ["You were banned from the team quiet: noise"]
    assert circle.trail(path[7:])[-1] == "team-ban.create"


def test_lifted_ban_does_not_bring_back(circle: Circle) -> None:
    """After a ban is lifted its subject is not in the team, and may join."""
    person = circle.person()
    path = f"/teams/{circle.boss.create_team('quiet', join_policy='open')['id']}"
    person.ask("POST", f"{path}/join")
    circle.boss.ask("POST", f"{path}/bans", json={"user_id": person.id})
    assert circle.boss.ask("DELETE", f"{path}/bans/{person.id}") is None
    assert person.ask("GET", path)["joinStatus"] == "none"
    assert circle.boss.ask("GET", f"{path}/bans") == []
    assert_exchange_error(circle.boss.client.delete(f"{path}/bans/{person.id}"), 404, "not_found")
    assert person.ask("POST", f"{path}/join")["joinStatus"] == "joined"
    assert circle.trail(path[7:]) == ["team.create", "team.join", "team-ban.create", "team-ban.delete", "team.join"]


def test_ban_settles_a_request(circle: Circle) -> None:
    """Whoever is banned while asking is rejected."""
    person = circle.person()
    path = f"/teams/{circle.boss.create_team('quiet', join_policy='request')['id']}"
    request = person.ask("POST", f"{path}/join")["userJoinRequest"]["id"]
    circle.boss.ask("POST", f"{path}/bans", json={"user_id": person.id})
    assert circle.boss.ask("GET", f"{path}/join-requests") == []
    response = circle.boss.client.post(f"{path}/join-requests/{request}/approve")
    assert_exchange_error(response, 409, "conflict")


def test_ban_outlives_leaving_the_organization(circle: Circle) -> None:
    """Leaving the organization and coming back does not lift a ban."""
    person = circle.person()
    path = f"/teams/{circle.boss.create_team('quiet', join_policy='open')['id']}"
    circle.boss.ask("POST", f"{path}/bans", json={"user_id": person.id})
    circle.dismiss(person)
    circle.server.query(
        "insert into membership (organization_id, person_id, role) values ($1, $2, 'member')",
        circle.organization,
        person.id,
    )
    assert_exchange_error(person.client.post(f"{path}/join"), 403, "forbidden")


def test_who_may_not_ban(circle: Circle) -> None:
    """Only moderators see, make and lift bans; an administrator of the organization is banned by another only."""
    owner, person, chief = circle.person(), circle.person(), circle.person()
    circle.promote(chief)
    path = f"/teams/{owner.create_team('quiet', join_policy='open')['id']}"
    person.ask("POST", f"{path}/join")
    chief.ask("POST", f"{path}/join")
    calls: list[tuple[str, str, Any]] = [
        ("GET", f"{path}/bans", None),
        ("POST", f"{path}/bans", {"user_id": owner.id}),
        ("DELETE", f"{path}/bans/{owner.id}", None),
    ]
    for method, place, body in calls:
        assert_exchange_error(person.client.request(method, place, json=body), 403, "forbidden")
        assert_exchange_error(circle.stranger().client.request(method, place, json=body), 404, "not_found")
    assert_exchange_error(owner.client.post(f"{path}/bans", json={"user_id": chief.id}), 403, "forbidden")
    assert chief.ask("GET", path)["joinStatus"] == "joined"
    circle.boss.ask("POST", f"{path}/bans", json={"user_id": chief.id})
    assert chief.ask("GET", path)["joinStatus"] == "banned"


def test_what_is_no_ban(circle: Circle) -> None:
    """Oneself, nobody, a malformed body, somebody banned, the default team: each is refused in its way."""
    person = circle.person()
    path = f"/teams/{circle.boss.create_team('quiet')['id']}"
    bans, client = f"{path}/bans", circle.boss.client
    for body in ({"user_id": circle.boss.id}, {}, {"user_id": "x"}, {"user_id": person.id, "reason": "x" * 1001}):
        assert_exchange_error(client.post(bans, json=body), 400, "invalid_request")
    assert_exchange_error(client.post(bans, json={"user_id": str(uuid4())}), 404, "not_found")
    assert_exchange_error(client.delete(f"{bans}/x"), 400, "invalid_request")
    circle.boss.ask("POST", bans, json={"user_id": person.id})
    assert_exchange_error(client.post(bans, json={"user_id": person.id}), 409, "duplicate")
    default = f"/teams/{circle.default_team()}/bans"
    assert_exchange_error(client.post(default, json={"user_id": person.id}), 409, "conflict")


def test_ban_of_somebody_outside_tells_them_nothing(circle: Circle) -> None:
    """Somebody outside the organization may be banned ahead, and does not hear of a team they cannot see."""
    stranger = circle.stranger()
    path = f"/teams/{circle.boss.create_team('quiet')['id']}"
    circle.boss.ask("POST", f"{path}/bans", json={"user_id": stranger.id})
    assert stranger.told(circle.server) == []


def test_ban_overtakes_joining(circle: Circle) -> None:
    """Whoever is banned while joining is banned and out."""
    person = circle.person()
    path = f"/teams/{circle.boss.create_team('quiet', join_policy='open')['id']}"
    join, ban = (person, "POST", f"{path}/join", {}), (circle.boss, "POST", f"{path}/bans", {"user_id": person.id})
    assert at_once(circle.server, [join, ban]) == [200, 200]
    team = person.ask("GET", path)
    assert (team["joinStatus"], team["memberCount"]) == ("banned", 1)


@pytest.mark.parametrize("policy", ["open", "request"])
def test_joining_does_not_overtake_a_ban(circle: Circle, policy: str) -> None:
    """Whoever joins, or asks to, while being banned is refused."""
    person = circle.person()
    path = f"/teams/{circle.boss.create_team('quiet', join_policy=policy)['id']}"
    join, ban = (person, "POST", f"{path}/join", {}), (circle.boss, "POST", f"{path}/bans", {"user_id": person.id})
    assert at_once(circle.server, [ban, join]) == [200, 403]
    team = person.ask("GET", path)
    assert (team["joinStatus"], team["memberCount"]) == ("banned", 1)
    assert circle.boss.ask("GET", f"{path}/join-requests") == []


def test_adding_does_not_overtake_a_ban(circle: Circle) -> None:
    """Whoever is added while being banned is not."""
    person, owner = circle.person(), circle.person()
    path = f"/teams/{owner.create_team('quiet')['id']}"
    body = {"user_id": person.id}
    calls = [(owner, "POST", f"{path}/bans", body), (circle.boss, "POST", f"{path}/members", body)]
    assert at_once(circle.server, calls) == [200, 409]
    assert person.ask("GET", path)["joinStatus"] == "banned"


def test_ban_is_made_once(circle: Circle) -> None:
    """Of two bans at the same moment one counts."""
    person = circle.person()
    path = f"/teams/{circle.boss.create_team('quiet')['id']}/bans"
    calls = [(circle.boss, "POST", path, {"user_id": person.id})] * 2
    assert at_once(circle.server, calls) == [200, 409]
