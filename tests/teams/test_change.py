"""`PUT` and `DELETE /teams/{id}`: moderators change and delete teams."""

from typing import Any
from uuid import uuid4

import pytest

from _support.concurrency import run_overlapping
from _support.organizations import Organization
from _support.responses import assert_exchange_error


def test_moderators_change_a_team(org: Organization) -> None:
    """Administrators of the team or of its organization change it; missing fields stay as they are."""
    owner = org.new_user()
    team = owner.create_team("tide", description="old", join_policy="open")
    path = f"/teams/{team['id']}"
    changed = owner.call("PUT", path, json={"team": {"id": team["id"], "name": "low-tide", "visibility": "public"}})
    assert (changed["name"], changed["slug"], changed["visibility"]) == ("low-tide", "low-tide", "public")
    assert (changed["description"], changed["join_policy"]) == ("old", "open")
    assert changed["last_updated"] > team["last_updated"]
    changed = org.admin.call("PUT", path, json={"team": {"join_policy": None, "description": None}})
    assert changed["join_policy"] is changed["description"] is None
    assert org.audit_actions(team["id"]) == ["team.create", "team.update", "team.update"]


def test_change_without_effect(org: Organization) -> None:
    """A change to the current values changes neither the team nor the audit trail."""
    team = org.admin.create_team("still")
    same = org.admin.call("PUT", f"/teams/{team['id']}", json={"team": {"name": "still", "default_role": "write"}})
    assert same == team
    assert org.audit_actions(team["id"]) == ["team.create"]


def test_others_may_not_change_a_team(org: Organization) -> None:
    """A plain member gets 403, a stranger 404, and a stranger to a public team 403."""
    team = org.admin.create_team("fixed", join_policy="open")
    path, member, stranger = f"/teams/{team['id']}", org.new_user(), org.new_outsider()
    member.call("POST", f"{path}/join")
    body = {"team": {"name": "loose"}}
    assert_exchange_error(member.client.put(path, json=body), 403, "forbidden")
    assert_exchange_error(member.client.delete(path), 403, "forbidden")
    assert_exchange_error(stranger.client.put(path, json=body), 404, "not_found")
    assert_exchange_error(stranger.client.delete(path), 404, "not_found")
    org.admin.call("PUT", path, json={"team": {"visibility": "public"}})
    assert_exchange_error(stranger.client.put(path, json=body), 403, "api_key_org_mismatch")
    assert_exchange_error(org.with_unbound_key(stranger).client.put(path, json=body), 403, "forbidden")


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
def test_invalid_change_is_rejected(org: Organization, team: Any) -> None:
    """An invalid change is 400 and changes nothing."""
    made = org.admin.create_team("solid")
    response = org.admin.client.put(f"/teams/{made['id']}", json={"team": team})
    assert_exchange_error(response, 400, "invalid_request")
    assert org.admin.call("GET", f"/teams/{made['id']}") == made


def test_taken_name_is_rejected(org: Organization) -> None:
    """A team cannot get the name of another one, also under concurrency."""
    first, second = org.admin.create_team("one"), org.admin.create_team("two")
    body = {"team": {"name": "one"}}
    assert_exchange_error(org.admin.client.put(f"/teams/{second['id']}", json=body), 409, "duplicate")
    both = [(org.admin, "PUT", f"/teams/{team['id']}", {"team": {"name": "three"}}) for team in (first, second)]
    assert run_overlapping(org.server, both) == [200, 409]


def test_delete(org: Organization) -> None:
    """A team is deleted with its members, requests and bans; the audit trail keeps its events."""
    team = org.admin.create_team("gone", join_policy="request")
    path, asker, banned = f"/teams/{team['id']}", org.new_user(), org.new_user()
    asker.call("POST", f"{path}/join")
    org.admin.call("POST", f"{path}/bans", json={"user_id": banned.id})
    assert org.admin.call("DELETE", path) is None
    assert_exchange_error(org.admin.client.get(path), 404, "not_found")
    assert_exchange_error(org.admin.client.delete(path), 404, "not_found")
    for table in ("team_member", "team_join_request", "team_ban"):
        assert org.server.query(f"select from {table} where team_id = $1", team["id"]) == []
    assert org.audit_actions(team["id"])[-1] == "team.delete"


def test_concurrent_deletion(org: Organization) -> None:
    """Joining or changing a team that is being deleted is 404."""
    path, person = f"/teams/{org.admin.create_team('going', join_policy='open')['id']}", org.new_user()
    calls = [
        (org.admin, "DELETE", path, None),
        (person, "POST", f"{path}/join", {}),
        (org.admin, "PUT", path, {"team": {"name": "staying"}}),
    ]
    assert run_overlapping(org.server, calls) == [200, 404, 404]


def test_concurrent_changes(org: Organization) -> None:
    """Two concurrent changes of different fields both take effect."""
    path = f"/teams/{org.admin.create_team('sum')['id']}"
    changes = ({"description": "new"}, {"visibility": "public"})
    assert run_overlapping(org.server, [(org.admin, "PUT", path, {"team": change}) for change in changes]) == [200, 200]
    team = org.admin.call("GET", path)
    assert (team["description"], team["visibility"]) == ("new", "public")


def test_default_team_stays(org: Organization) -> None:
    """The default team can be renamed but not deleted."""
    path = f"/teams/{org.default_team_id()}"
    assert_exchange_error(org.admin.client.delete(path), 409, "conflict")
    assert org.admin.call("PUT", path, json={"team": {"name": "lobby"}})["is_default"] is True


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_unknown_and_malformed_ids(org: Organization, method: str) -> None:
    """A malformed id is 400, an unknown one 404."""
    body = {"json": {"team": {}}} if method == "PUT" else {}
    client = org.admin.client
    assert_exchange_error(client.request(method, "/teams/x", **body), 400, "invalid_request")
    assert_exchange_error(client.request(method, f"/teams/{uuid4()}", **body), 404, "not_found")
