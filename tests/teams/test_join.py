"""Joining and leaving a team, as its policy or the organization's allows."""

from uuid import uuid4

import pytest

from _support.concurrency import run_overlapping
from _support.organizations import Organization
from _support.responses import assert_exchange_error


def test_open_team_is_joined_immediately(org: Organization) -> None:
    """A person who joins an open team gets its default role; joining again changes nothing."""
    team = org.admin.create_team("open", join_policy="open", default_role="read")
    person, path = org.new_user(), f"/teams/{team['id']}"
    assert person.call("GET", path)["joinStatus"] == "none"
    joined = person.call("POST", f"{path}/join", json={})
    assert (joined["joinStatus"], joined["userMembership"]["role"], joined["memberCount"]) == ("joined", "read", 2)
    assert joined["canModerate"] is False
    assert person.call("POST", f"{path}/join") == joined
    assert org.audit_actions(team["id"]) == ["team.create", "team.join"]


def test_request_waits_for_a_moderator(org: Organization) -> None:
    """Joining by request creates one pending request, however often, and notifies the team's administrators."""
    owner, person = org.new_user(), org.new_user()
    team = owner.create_team("ask", join_policy="request")
    team_after = person.call("POST", f"/teams/{team['id']}/join")
    assert (team_after["joinStatus"], team_after["join_request_pending"], team_after["memberCount"]) == (
        "pending",
        True,
        1,
    )
    request = team_after["userJoinRequest"]
    assert (request["status"], request["team_id"], request["user_id"]) == ("pending", team["id"], person.id)
    assert "reviewed_at" not in request
    assert team_after["userMembership"] is None
    assert person.call("POST", f"/teams/{team['id']}/join") == team_after
    assert owner.notification_texts(org.server) == [f"{person.member.username} asks to join the team ask."]
    assert org.admin.notification_texts(org.server) == []
    assert org.audit_actions(team["id"]) == ["team.create", "team-request.create"]
    (row,) = org.server.query("select * from notification where destination_id = $1", owner.id)
    assert (row["type"], str(row["source_id"]), str(row["organization_id"])) == (
        "other",
        person.id,
        org.id,
    )
    assert team["id"] in row["content"]


def test_team_without_administrators(org: Organization) -> None:
    """Requests to join a team without administrators notify those of the organization."""
    owner = org.new_user()
    team = owner.create_team("orphan", join_policy="request")
    org.remove_member(owner)
    org.new_user().call("POST", f"/teams/{team['id']}/join")
    assert len(org.admin.notification_texts(org.server)) == 1


def test_policy_is_inherited(org: Organization) -> None:
    """A team without a policy has its organization's, also after that changes."""
    team, person = org.admin.create_team("heir"), org.new_user()
    assert_exchange_error(person.client.post(f"/teams/{team['id']}/join"), 403, "forbidden")
    org.server.query("update organization set join_policy = 'open' where id = $1", org.id)
    assert person.call("POST", f"/teams/{team['id']}/join")["joinStatus"] == "joined"


def test_team_becomes_open(org: Organization) -> None:
    """A person with a pending request joins once the team is open, and the request disappears."""
    team, person = org.admin.create_team("thaw", join_policy="request"), org.new_user()
    path = f"/teams/{team['id']}"
    person.call("POST", f"{path}/join")
    org.admin.call("PUT", path, json={"team": {"join_policy": "open"}})
    joined = person.call("POST", f"{path}/join")
    assert (joined["joinStatus"], joined["userJoinRequest"]) == ("joined", None)
    assert org.admin.call("GET", f"{path}/join-requests") == []


def test_strangers_cannot_join(org: Organization) -> None:
    """People outside the organization cannot join: hidden teams are 404, public ones 403."""
    hidden = org.admin.create_team("hidden", join_policy="open")
    shown = org.admin.create_team("shown", join_policy="open", visibility="public")
    stranger = org.new_outsider()
    unbound = org.with_unbound_key(stranger)
    for verb, method in (("join", "POST"), ("leave", "GET")):
        for person in (stranger, unbound):
            response = person.client.request(method, f"/teams/{hidden['id']}/{verb}")
            assert_exchange_error(response, 404, "not_found")
        response = stranger.client.request(method, f"/teams/{shown['id']}/{verb}")
        assert_exchange_error(response, 403, "api_key_org_mismatch")
        assert_exchange_error(unbound.client.request(method, f"/teams/{shown['id']}/{verb}"), 403, "forbidden")


def test_leave(org: Organization) -> None:
    """A person who leaves may join again, and gets 404 for leaving twice."""
    team, person = org.admin.create_team("door", join_policy="open"), org.new_user()
    path = f"/teams/{team['id']}"
    person.call("POST", f"{path}/join")
    assert person.call("GET", f"{path}/leave") is None
    assert person.call("GET", path)["joinStatus"] == "none"
    assert_exchange_error(person.client.get(f"{path}/leave"), 404, "not_found")
    assert org.audit_actions(team["id"]) == ["team.create", "team.join", "team.leave"]
    assert person.call("POST", f"{path}/join")["joinStatus"] == "joined"


def test_last_administrator_cannot_leave(org: Organization) -> None:
    """A team's last administrator can leave only when there is another."""
    owner, person = org.new_user(), org.new_user()
    team = owner.create_team("helm", join_policy="open")
    path = f"/teams/{team['id']}"
    person.call("POST", f"{path}/join")
    assert_exchange_error(owner.client.get(f"{path}/leave"), 409, "conflict")
    owner.call("PUT", f"{path}/members/{person.id}", json={"role": "admin"})
    owner.call("GET", f"{path}/leave")
    assert_exchange_error(person.client.get(f"{path}/leave"), 409, "conflict")


def test_default_team_cannot_be_left(org: Organization) -> None:
    """Only leaving the organization leaves its default team, and all its other teams."""
    person = org.new_user()
    team = org.admin.create_team("more", join_policy="open")
    person.call("POST", f"/teams/{team['id']}/join")
    assert_exchange_error(person.client.get(f"/teams/{org.default_team_id()}/leave"), 409, "conflict")
    org.remove_member(person)
    assert org.server.query("select from team_member where person_id = $1", person.id) == []
    assert org.admin.call("GET", f"/teams/{team['id']}")["memberCount"] == 1


def test_head_does_not_leave(org: Organization) -> None:
    """Leaving is a GET, as the contract defines it; a HEAD changes nothing."""
    team, person = org.admin.create_team("head", join_policy="open"), org.new_user()
    person.call("POST", f"/teams/{team['id']}/join")
    response = person.client.head(f"/teams/{team['id']}/leave")
    assert (response.status_code, response.headers["allow"]) == (405, "GET")
    assert person.call("GET", f"/teams/{team['id']}")["joinStatus"] == "joined"


def test_leaving_needs_the_write_scope(org: Organization) -> None:
    """Leaving needs the write scope, although it is a GET."""
    reader = org.new_user(scopes="teams:read")
    response = reader.client.get(f"/teams/{org.default_team_id()}/leave")
    assert "teams:write" in assert_exchange_error(response, 403, "forbidden")["message"]


@pytest.mark.parametrize(("method", "verb"), [("POST", "join"), ("GET", "leave")])
def test_unknown_and_malformed_ids(org: Organization, method: str, verb: str) -> None:
    """A malformed id is 400, an unknown one 404."""
    client = org.admin.client
    assert_exchange_error(client.request(method, f"/teams/x/{verb}"), 400, "invalid_request")
    assert_exchange_error(client.request(method, f"/teams/{uuid4()}/{verb}"), 404, "not_found")


def test_concurrent_joins(org: Organization) -> None:
    """A person who joins, or requests to, several times concurrently does so once."""
    person, owner = org.new_user(), org.new_user()
    opened = owner.create_team("open", join_policy="open")
    by_request = owner.create_team("ask", join_policy="request")
    for team in (opened, by_request):
        assert run_overlapping(org.server, [(person, "POST", f"/teams/{team['id']}/join", {})] * 4) == [200] * 4
    assert org.audit_actions(opened["id"]).count("team.join") == 1
    assert org.audit_actions(by_request["id"]).count("team-request.create") == 1
    assert len(owner.notification_texts(org.server)) == 1


def test_concurrent_departures(org: Organization) -> None:
    """Of the two last administrators who leave concurrently one stays."""
    first, second = org.new_user(), org.new_user()
    team = first.create_team("pair")
    path = f"/teams/{team['id']}"
    first.call("POST", f"{path}/members", json={"user_id": second.id, "role": "admin"})
    calls = [(person, "GET", f"{path}/leave", None) for person in (first, second)]
    assert run_overlapping(org.server, calls) == [200, 409]


def test_concurrent_policy_change(org: Organization) -> None:
    """Joining a team that is concurrently becoming invite-only is rejected."""
    path, person = f"/teams/{org.admin.create_team('closing', join_policy='open')['id']}", org.new_user()
    calls = [
        (org.admin, "PUT", path, {"team": {"join_policy": "invite_only"}}),
        (person, "POST", f"{path}/join", {}),
    ]
    assert run_overlapping(org.server, calls) == [200, 403]
