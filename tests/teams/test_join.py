"""Joining and leaving: as the team's policy has it, or the organization's."""

from uuid import uuid4

import pytest

from _support.concurrency import run_overlapping
from _support.organizations import Organization
from _support.responses import assert_exchange_error


def test_open_team_is_joined_at_once(org: Organization) -> None:
    """Who joins an open team is in it with its default role; who is in it already finds it as it is."""
    team = org.admin.create_team("open", join_policy="open", default_role="read")
    person, path = org.new_user(), f"/teams/{team['id']}"
    assert person.call("GET", path)["joinStatus"] == "none"
    joined = person.call("POST", f"{path}/join", json={})
    assert (joined["joinStatus"], joined["userMembership"]["role"], joined["memberCount"]) == ("joined", "read", 2)
    assert joined["canModerate"] is False
    assert person.call("POST", f"{path}/join") == joined
    assert org.audit_actions(team["id"]) == ["team.create", "team.join"]


def test_request_waits_for_a_moderator(org: Organization) -> None:
    """Joining by request makes one pending request, however often one asks, and notifies the team's administrators."""
    owner, person = org.new_user(), org.new_user()
    team = owner.create_team("ask", join_policy="request")
    asked = person.call("POST", f"/teams/{team['id']}/join")
    assert (asked["joinStatus"], asked["join_request_pending"], asked["memberCount"]) == ("pending", True, 1)
    request = asked["userJoinRequest"]
    assert (request["status"], request["team_id"], request["user_id"]) == ("pending", team["id"], person.id)
    assert "reviewed_at" not in request
    assert asked["userMembership"] is None
    assert person.call("POST", f"/teams/{team['id']}/join") == asked
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


def test_team_without_administrators_asks_those_of_the_organization(org: Organization) -> None:
    """When a team has lost its administrators, those of the organization hear of requests."""
    owner = org.new_user()
    team = owner.create_team("orphan", join_policy="request")
    org.remove_member(owner)
    org.new_user().call("POST", f"/teams/{team['id']}/join")
    assert len(org.admin.notification_texts(org.server)) == 1


def test_policy_is_inherited(org: Organization) -> None:
    """A team without a policy of its own has its organization's: by invitation only, until that changes."""
    team, person = org.admin.create_team("heir"), org.new_user()
    assert_exchange_error(person.client.post(f"/teams/{team['id']}/join"), 403, "forbidden")
    org.server.query("update organization set join_policy = 'open' where id = $1", org.id)
    assert person.call("POST", f"/teams/{team['id']}/join")["joinStatus"] == "joined"


def test_policy_that_opens_lets_in_who_waits(org: Organization) -> None:
    """Whoever asked, and joins once the team is open, is in it, and no request is left to be decided."""
    team, person = org.admin.create_team("thaw", join_policy="request"), org.new_user()
    path = f"/teams/{team['id']}"
    person.call("POST", f"{path}/join")
    org.admin.call("PUT", path, json={"team": {"join_policy": "open"}})
    joined = person.call("POST", f"{path}/join")
    assert (joined["joinStatus"], joined["userJoinRequest"]) == ("joined", None)
    assert org.admin.call("GET", f"{path}/join-requests") == []


def test_strangers_do_not_join(org: Organization) -> None:
    """Nobody from outside the organization joins: unseen teams are 404, public ones 403."""
    hidden = org.admin.create_team("hidden", join_policy="open")
    shown = org.admin.create_team("shown", join_policy="open", visibility="public")
    stranger = org.new_outsider()
    free = org.with_unbound_key(stranger)
    for verb, method in (("join", "POST"), ("leave", "GET")):
        for someone in (stranger, free):
            response = someone.client.request(method, f"/teams/{hidden['id']}/{verb}")
            assert_exchange_error(response, 404, "not_found")
        response = stranger.client.request(method, f"/teams/{shown['id']}/{verb}")
        assert_exchange_error(response, 403, "api_key_org_mismatch")
        assert_exchange_error(free.client.request(method, f"/teams/{shown['id']}/{verb}"), 403, "forbidden")


def test_leaving(org: Organization) -> None:
    """Who leaves is out, may join again, and gets 404 for leaving twice."""
    team, person = org.admin.create_team("door", join_policy="open"), org.new_user()
    path = f"/teams/{team['id']}"
    person.call("POST", f"{path}/join")
    assert person.call("GET", f"{path}/leave") is None
    assert person.call("GET", path)["joinStatus"] == "none"
    assert_exchange_error(person.client.get(f"{path}/leave"), 404, "not_found")
    assert org.audit_actions(team["id"]) == ["team.create", "team.join", "team.leave"]
    assert person.call("POST", f"{path}/join")["joinStatus"] == "joined"


def test_last_administrator_does_not_leave(org: Organization) -> None:
    """A team's last administrator leaves only once there is another."""
    owner, person = org.new_user(), org.new_user()
    team = owner.create_team("helm", join_policy="open")
    path = f"/teams/{team['id']}"
    person.call("POST", f"{path}/join")
    assert_exchange_error(owner.client.get(f"{path}/leave"), 409, "conflict")
    owner.call("PUT", f"{path}/members/{person.id}", json={"role": "admin"})
    owner.call("GET", f"{path}/leave")
    assert_exchange_error(person.client.get(f"{path}/leave"), 409, "conflict")


def test_default_team_is_not_left(org: Organization) -> None:
    """The default team is left by leaving the organization, which leaves all its teams."""
    person = org.new_user()
    team = org.admin.create_team("more", join_policy="open")
    person.call("POST", f"/teams/{team['id']}/join")
    assert_exchange_error(person.client.get(f"/teams/{org.default_team_id()}/leave"), 409, "conflict")
    org.remove_member(person)
    assert org.server.query("select from team_member where person_id = $1", person.id) == []
    assert org.admin.call("GET", f"/teams/{team['id']}")["memberCount"] == 1


def test_head_does_not_leave(org: Organization) -> None:
    """Leaving is a GET, as the contract has it; a HEAD, which promises to change nothing, changes nothing."""
    team, person = org.admin.create_team("head", join_policy="open"), org.new_user()
    person.call("POST", f"/teams/{team['id']}/join")
    response = person.client.head(f"/teams/{team['id']}/leave")
    assert (response.status_code, response.headers["allow"]) == (405, "GET")
    assert person.call("GET", f"/teams/{team['id']}")["joinStatus"] == "joined"


def test_reading_scope_does_not_leave(org: Organization) -> None:
    """Leaving needs the scope of changes, GET or not."""
    reader = org.new_user(scopes="teams:read")
    response = reader.client.get(f"/teams/{org.default_team_id()}/leave")
    assert "teams:write" in assert_exchange_error(response, 403, "forbidden")["message"]


@pytest.mark.parametrize(("method", "verb"), [("POST", "join"), ("GET", "leave")])
def test_unknown_and_malformed_ids(org: Organization, method: str, verb: str) -> None:
    """A malformed id is 400, an unknown one 404."""
    client = org.admin.client
    assert_exchange_error(client.request(method, f"/teams/x/{verb}"), 400, "invalid_request")
    assert_exchange_error(client.request(method, f"/teams/{uuid4()}/{verb}"), 404, "not_found")


def test_joining_at_once(org: Organization) -> None:
    """Whoever joins several times at the same moment is in once; whoever asks so has asked once."""
    person, owner = org.new_user(), org.new_user()
    opened = owner.create_team("open", join_policy="open")
    asking = owner.create_team("ask", join_policy="request")
    for team in (opened, asking):
        assert run_overlapping(org.server, [(person, "POST", f"/teams/{team['id']}/join", {})] * 4) == [200] * 4
    assert org.audit_actions(opened["id"]).count("team.join") == 1
    assert org.audit_actions(asking["id"]).count("team-request.create") == 1
    assert len(owner.notification_texts(org.server)) == 1


def test_last_administrators_leave_one_after_the_other(org: Organization) -> None:
    """Of the two last administrators who leave at the same moment one stays."""
    first, second = org.new_user(), org.new_user()
    team = first.create_team("pair")
    path = f"/teams/{team['id']}"
    first.call("POST", f"{path}/members", json={"user_id": second.id, "role": "admin"})
    calls = [(one, "GET", f"{path}/leave", None) for one in (first, second)]
    assert run_overlapping(org.server, calls) == [200, 409]


def test_policy_that_closes_meanwhile(org: Organization) -> None:
    """Whoever joins a team that is just becoming one by invitation is refused."""
    path, person = f"/teams/{org.admin.create_team('closing', join_policy='open')['id']}", org.new_user()
    calls = [
        (org.admin, "PUT", path, {"team": {"join_policy": "invite_only"}}),
        (person, "POST", f"{path}/join", {}),
    ]
    assert run_overlapping(org.server, calls) == [200, 403]
