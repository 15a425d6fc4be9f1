"""Joining and leaving: as the team's policy has it, or the organization's."""

from uuid import uuid4

import pytest

from circle import Circle, at_once
from wire import assert_exchange_error


def test_open_team_is_joined_at_once(circle: Circle) -> None:
    """Who joins an open team is in it with its default role; who is in it already finds it as it is."""
    team = circle.boss.create_team("open", join_policy="open", default_role="read")
    person, path = circle.person(), f"/teams/{team['id']}"
    assert person.ask("GET", path)["joinStatus"] == "none"
    joined = person.ask("POST", f"{path}/join", json={})
    assert (joined["joinStatus"], joined["userMembership"]["role"], joined["memberCount"]) == ("joined", "read", 2)
    assert joined["canModerate"] is False
    assert person.ask("POST", f"{path}/join") == joined
    assert circle.trail(team["id"]) == ["team.create", "team.join"]


def test_request_waits_for_a_moderator(circle: Circle) -> None:
    """Joining by request makes one pending request, however often one asks, and notifies the team's administrators."""
    owner, person = circle.person(), circle.person()
    team = owner.create_team("ask", join_policy="request")
    asked = person.ask("POST", f"/teams/{team['id']}/join")
    assert (asked["joinStatus"], asked["join_request_pending"], asked["memberCount"]) == ("pending", True, 1)
    request = asked["userJoinRequest"]
    assert (request["status"], request["team_id"], request["user_id"]) == ("pending", team["id"], person.id)
    assert "reviewed_at" not in request
    assert asked["userMembership"] is None
    assert person.ask("POST", f"/teams/{team['id']}/join") == asked
    assert owner.told(circle.server) == [f"{person.member.username} asks to join the team ask."]
    assert circle.boss.told(circle.server) == []
    assert circle.trail(team["id"]) == ["team.create", "team-request.create"]
    (row,) = circle.server.query("select * from notification where destination_id = $1", owner.id)
    assert (row["type"], str(row["source_id"]), str(row["organization_id"])) == (
        "other",
        person.id,
        circle.organization,
    )
    assert team["id"] in row["content"]


def test_team_without_administrators_asks_those_of_the_organization(circle: Circle) -> None:
    """When a team has lost its administrators, those of the organization hear of requests."""
    owner = circle.person()
    team = owner.create_team("orphan", join_policy="request")
    circle.dismiss(owner)
    circle.person().ask("POST", f"/teams/{team['id']}/join")
    assert len(circle.boss.told(circle.server)) == 1


def test_policy_is_inherited(circle: Circle) -> None:
    """A team without a policy of its own has its organization's: by invitation only, until that changes."""
    team, person = circle.boss.create_team("heir"), circle.person()
    assert_exchange_error(person.client.post(f"/teams/{team['id']}/join"), 403, "forbidden")
    circle.server.query("update organization set join_policy = 'open' where id = $1", circle.organization)
    assert person.ask("POST", f"/teams/{team['id']}/join")["joinStatus"] == "joined"


def test_policy_that_opens_lets_in_who_waits(circle: Circle) -> None:
    """Whoever asked, and joins once the team is open, is in it, and no request is left to be decided."""
    team, person = circle.boss.create_team("thaw", join_policy="request"), circle.person()
    path = f"/teams/{team['id']}"
    person.ask("POST", f"{path}/join")
    circle.boss.ask("PUT", path, json={"team": {"join_policy": "open"}})
    joined = person.ask("POST", f"{path}/join")
    assert (joined["joinStatus"], joined["userJoinRequest"]) == ("joined", None)
    assert circle.boss.ask("GET", f"{path}/join-requests") == []


def test_strangers_do_not_join(circle: Circle) -> None:
    """Nobody from outside the organization joins: unseen teams are 404, public ones 403."""
    hidden = circle.boss.create_team("hidden", join_policy="open")
    shown = circle.boss.create_team("shown", join_policy="open", visibility="public")
    stranger = circle.stranger()
    free = circle.free(stranger)
    for verb, method in (("join", "POST"), ("leave", "GET")):
        for someone in (stranger, free):
            response = someone.client.request(method, f"/teams/{hidden['id']}/{verb}")
            assert_exchange_error(response, 404, "not_found")
        response = stranger.client.request(method, f"/teams/{shown['id']}/{verb}")
        assert_exchange_error(response, 403, "api_key_org_mismatch")
        assert_exchange_error(free.client.request(method, f"/teams/{shown['id']}/{verb}"), 403, "forbidden")


def test_leaving(circle: Circle) -> None:
    """Who leaves is out, may join again, and gets 404 for leaving twice."""
    team, person = circle.boss.create_team("door", join_policy="open"), circle.person()
    path = f"/teams/{team['id']}"
    person.ask("POST", f"{path}/join")
    assert person.ask("GET", f"{path}/leave") is None
    assert person.ask("GET", path)["joinStatus"] == "none"
    assert_exchange_error(person.client.get(f"{path}/leave"), 404, "not_found")
    assert circle.trail(team["id"]) == ["team.create", "team.join", "team.leave"]
    assert person.ask("POST", f"{path}/join")["joinStatus"] == "joined"


def test_last_administrator_does_not_leave(circle: Circle) -> None:
    """A team's last administrator leaves only once there is another."""
    owner, person = circle.person(), circle.person()
    team = owner.create_team("helm", join_policy="open")
    path = f"/teams/{team['id']}"
    person.ask("POST", f"{path}/join")
    assert_exchange_error(owner.client.get(f"{path}/leave"), 409, "conflict")
    owner.ask("PUT", f"{path}/members/{person.id}", json={"role": "admin"})
    owner.ask("GET", f"{path}/leave")
    assert_exchange_error(person.client.get(f"{path}/leave"), 409, "conflict")


def test_default_team_is_not_left(circle: Circle) -> None:
    """The default team is left by leaving the organization, which leaves all its teams."""
    person = circle.person()
    team = circle.boss.create_team("more", join_policy="open")
    person.ask("POST", f"/teams/{team['id']}/join")
    assert_exchange_error(person.client.get(f"/teams/{circle.default_team()}/leave"), 409, "conflict")
    circle.dismiss(person)
    assert circle.server.query("select from team_member where person_id = $1", person.id) == []
    assert circle.boss.ask("GET", f"/teams/{team['id']}")["memberCount"] == 1


def test_head_does_not_leave(circle: Circle) -> None:
    """Leaving is a GET, as the contract has it; a HEAD, which promises to change nothing, changes nothing."""
    team, person = circle.boss.create_team("head", join_policy="open"), circle.person()
    person.ask("POST", f"/teams/{team['id']}/join")
    response = person.client.head(f"/teams/{team['id']}/leave")
    assert (response.status_code, response.headers["allow"]) == (405, "GET")
    assert person.ask("GET", f"/teams/{team['id']}")["joinStatus"] == "joined"


def test_reading_scope_does_not_leave(circle: Circle) -> None:
    """Leaving needs the scope of changes, GET or not."""
    reader = circle.person(scopes="teams:read")
    response = reader.client.get(f"/teams/{circle.default_team()}/leave")
    assert "teams:write" in assert_exchange_error(response, 403, "forbidden")["message"]


@pytest.mark.parametrize(("method", "verb"), [("POST", "join"), ("GET", "leave")])
def test_unknown_and_malformed_ids(circle: Circle, method: str, verb: str) -> None:
    """A malformed id is 400, an unknown one 404."""
    client = circle.boss.client
    assert_exchange_error(client.request(method, f"/teams/x/{verb}"), 400, "invalid_request")
    assert_exchange_error(client.request(method, f"/teams/{uuid4()}/{verb}"), 404, "not_found")


def test_joining_at_once(circle: Circle) -> None:
    """Whoever joins several times at the same moment is in once; whoever asks so has asked once."""
    person, owner = circle.person(), circle.person()
    opened = owner.create_team("open", join_policy="open")
    asking = owner.create_team("ask", join_policy="request")
    for team in (opened, asking):
        assert at_once(circle.server, [(person, "POST", f"/teams/{team['id']}/join", {})] * 4) == [200] * 4
    assert circle.trail(opened["id"]).count("team.join") == 1
    assert circle.trail(asking["id"]).count("team-request.create") == 1
    assert len(owner.told(circle.server)) == 1


def test_last_administrators_leave_one_after_the_other(circle: Circle) -> None:
    """Of the two last administrators who leave at the same moment one stays."""
    first, second = circle.person(), circle.person()
    team = first.create_team("pair")
    path = f"/teams/{team['id']}"
    first.ask("POST", f"{path}/members", json={"user_id": second.id, "role": "admin"})
    calls = [(one, "GET", f"{path}/leave", None) for one in (first, second)]
    assert at_once(circle.server, calls) == [200, 409]


def test_policy_that_closes_meanwhile(circle: Circle) -> None:
    """Whoever joins a team that is just becoming one by invitation is refused."""
    path, person = f"/teams/{circle.boss.create_team('closing', join_policy='open')['id']}", circle.person()
    calls = [
        (circle.boss, "PUT", path, {"team": {"join_policy": "invite_only"}}),
        (person, "POST", f"{path}/join", {}),
    ]
    assert at_once(circle.server, calls) == [200, 403]
