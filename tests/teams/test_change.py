"""`PUT` and `DELETE /teams/{id}`: teams change and go by the hand of their moderators."""

from typing import Any
from uuid import uuid4

import pytest

from circle import Circle, at_once
from wire import assert_exchange_error


def test_moderators_change_a_team(circle: Circle) -> None:
    """Administrators of the team or of its organization change it; what they leave out stays."""
    owner = circle.person()
    team = owner.create_team("tide", description="old", join_policy="open")
    path = f"/teams/{team['id']}"
    changed = owner.ask("PUT", path, json={"team": {"id": team["id"], "name": "low-tide", "visibility": "public"}})
    assert (changed["name"], changed["slug"], changed["visibility"]) == ("low-tide", "low-tide", "public")
    assert (changed["description"], changed["join_policy"]) == ("old", "open")
    assert changed["last_updated"] > team["last_updated"]
    changed = circle.boss.ask("PUT", path, json={"team": {"join_policy": None, "description": None}})
    assert changed["join_policy"] is changed["description"] is None
    assert circle.trail(team["id"]) == ["team.create", "team.update", "team.update"]


def test_change_of_nothing_is_none(circle: Circle) -> None:
    """A change to what a team is already leaves it and the audit trail as they are."""
    team = circle.boss.create_team("still")
    same = circle.boss.ask("PUT", f"/teams/{team['id']}", json={"team": {"name": "still", "default_role": "write"}})
    assert same == team
    assert circle.trail(team["id"]) == ["team.create"]


def test_others_may_not_change_a_team(circle: Circle) -> None:
    """A member who is no administrator gets 403; whoever cannot see the team 404; bound elsewhere 403 if public."""
    team = circle.boss.create_team("fixed", join_policy="open")
    path, member, stranger = f"/teams/{team['id']}", circle.person(), circle.stranger()
    member.ask("POST", f"{path}/join")
    body = {"team": {"name": "loose"}}
    assert_exchange_error(member.client.put(path, json=body), 403, "forbidden")
    assert_exchange_error(member.client.delete(path), 403, "forbidden")
    assert_exchange_error(stranger.client.put(path, json=body), 404, "not_found")
    assert_exchange_error(stranger.client.delete(path), 404, "not_found")
    circle.boss.ask("PUT", path, json={"team": {"visibility": "public"}})
    assert_exchange_error(stranger.client.put(path, json=body), 403, "api_key_org_mismatch")
    assert_exchange_error(circle.free(stranger).client.put(path, json=body), 403, "forbidden")


@pytest.mark.parametrize(
    "team",
    [
        {"name": "Not A Slug"},
        {"name": None},
        {"visibility": None},
        {"default_role": "admin"},
        {"join_policy": "x"},
        {"id": str(uuid4())},
        {"org_id": str(uuid4())},
        {"id": "x"},
        None,
    ],
)
def test_what_is_no_change_is_refused(circle: Circle, team: Any) -> None:
    """A change that makes no sense is 400 and changes nothing."""
    made = circle.boss.create_team("solid")
    response = circle.boss.client.put(f"/teams/{made['id']}", json={"team": team})
    assert_exchange_error(response, 400, "invalid_request")
    assert circle.boss.ask("GET", f"/teams/{made['id']}") == made


def test_taken_name_is_refused(circle: Circle) -> None:
    """A team is not renamed to what another is called, be it at the same moment."""
    first, second = circle.boss.create_team("one"), circle.boss.create_team("two")
    body = {"team": {"name": "one"}}
    assert_exchange_error(circle.boss.client.put(f"/teams/{second['id']}", json=body), 409, "duplicate")
    both = [(circle.boss, "PUT", f"/teams/{team['id']}", {"team": {"name": "three"}}) for team in (first, second)]
    assert at_once(circle.server, both) == [200, 409]


def test_team_is_deleted_with_all_that_hangs_on_it(circle: Circle) -> None:
    """A deleted team is gone with its members, requests and bans; the trail remembers it."""
    team = circle.boss.create_team("gone", join_policy="request")
    path, asker, banned = f"/teams/{team['id']}", circle.person(), circle.person()
    asker.ask("POST", f"{path}/join")
    circle.boss.ask("POST", f"{path}/bans", json={"user_id": banned.id})
    assert circle.boss.ask("DELETE", path) is None
    assert_exchange_error(circle.boss.client.get(path), 404, "not_found")
    assert_exchange_error(circle.boss.client.delete(path), 404, "not_found")
    for table in ("team_member", "team_join_request", "team_ban"):
        assert circle.server.query(f"select from {table} where team_id = $1", team["id"]) == []
    assert circle.trail(team["id"])[-1] == "team.delete"


def test_team_deleted_meanwhile_is_gone(circle: Circle) -> None:
    """Whoever joins or changes a team that is just being deleted gets 404."""
    path, person = f"/teams/{circle.boss.create_team('going', join_policy='open')['id']}", circle.person()
    calls = [
        (circle.boss, "DELETE", path, None),
        (person, "POST", f"{path}/join", {}),
        (circle.boss, "PUT", path, {"team": {"name": "staying"}}),
    ]
    assert at_once(circle.server, calls) == [200, 404, 404]


def test_changes_at_once_add_up(circle: Circle) -> None:
    """Two changes of different fields at the same moment both count."""
    path = f"/teams/{circle.boss.create_team('sum')['id']}"
    changes = ({"description": "new"}, {"visibility": "public"})
    assert at_once(circle.server, [(circle.boss, "PUT", path, {"team": change}) for change in changes]) == [200, 200]
    team = circle.boss.ask("GET", path)
    assert (team["description"], team["visibility"]) == ("new", "public")


def test_default_team_stays(circle: Circle) -> None:
    """The default team can be renamed, not deleted."""
    path = f"/teams/{circle.default_team()}"
    assert_exchange_error(circle.boss.client.delete(path), 409, "conflict")
    assert circle.boss.ask("PUT", path, json={"team": {"name": "lobby"}})["is_default"] is True


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_unknown_and_malformed_ids(circle: Circle, method: str) -> None:
    """A malformed id is 400, an unknown one 404."""
    body = {"json": {"team": {}}} if method == "PUT" else {}
    client = circle.boss.client
    assert_exchange_error(client.request(method, "/teams/x", **body), 400, "invalid_request")
    assert_exchange_error(client.request(method, f"/teams/{uuid4()}", **body), 404, "not_found")
