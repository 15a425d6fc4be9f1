"""Bans from a team: they end the membership and prevent joining until they are lifted."""

from typing import Any
from uuid import uuid4

import pytest

from _support.concurrency import run_overlapping
from _support.organizations import Organization
from _support.responses import assert_exchange_error


def test_ban(org: Organization) -> None:
    """A ban ends the membership, prevents joining again, is listed, and notifies the person with the reason."""
    owner, person = org.new_user(), org.new_user()
    path = f"/teams/{owner.create_team('quiet', join_policy='open')['id']}"
    person.call("POST", f"{path}/join")
    body = {"user_id": person.id, "reason": "noise", "remove_contributions": True}
    assert owner.call("POST", f"{path}/bans", json=body) is None
    team = person.call("GET", path)
    assert (team["joinStatus"], team["memberCount"], team["userMembership"]) == ("banned", 1, None)
    assert_exchange_error(person.client.post(f"{path}/join"), 403, "forbidden")
    (ban,) = owner.call("GET", f"{path}/bans")
    assert set(ban) == {"id", "team_id", "user_id", "user", "reason", "created_at"}
    assert (ban["user_id"], ban["user"]["user_id"], ban["reason"]) == (person.id, person.id, "noise")
    assert person.notification_texts(org.server) == ["You were banned from the team quiet: noise"]
    assert org.audit_actions(path[7:])[-1] == "team-ban.create"


def test_lifted_ban(org: Organization) -> None:
    """After a ban is lifted the person is not a member, but may join."""
    person = org.new_user()
    path = f"/teams/{org.admin.create_team('quiet', join_policy='open')['id']}"
    person.call("POST", f"{path}/join")
    org.admin.call("POST", f"{path}/bans", json={"user_id": person.id})
    assert org.admin.call("DELETE", f"{path}/bans/{person.id}") is None
    assert person.call("GET", path)["joinStatus"] == "none"
    assert org.admin.call("GET", f"{path}/bans") == []
    assert_exchange_error(org.admin.client.delete(f"{path}/bans/{person.id}"), 404, "not_found")
    assert person.call("POST", f"{path}/join")["joinStatus"] == "joined"
    assert org.audit_actions(path[7:]) == [
        "team.create",
        "team.join",
        "team-ban.create",
        "team-ban.delete",
        "team.join",
    ]


def test_ban_rejects_a_request(org: Organization) -> None:
    """A ban rejects the person's pending request."""
    person = org.new_user()
    path = f"/teams/{org.admin.create_team('quiet', join_policy='request')['id']}"
    request = person.call("POST", f"{path}/join")["userJoinRequest"]["id"]
    org.admin.call("POST", f"{path}/bans", json={"user_id": person.id})
    assert org.admin.call("GET", f"{path}/join-requests") == []
    response = org.admin.client.post(f"{path}/join-requests/{request}/approve")
    assert_exchange_error(response, 409, "conflict")


def test_ban_survives_leaving_the_organization(org: Organization) -> None:
    """A ban still applies after the person leaves the organization and returns."""
    person = org.new_user()
    path = f"/teams/{org.admin.create_team('quiet', join_policy='open')['id']}"
    org.admin.call("POST", f"{path}/bans", json={"user_id": person.id})
    org.remove_member(person)
    org.server.query(
        "insert into membership (organization_id, person_id, role) values ($1, $2, 'member')",
        org.id,
        person.id,
    )
    assert_exchange_error(person.client.post(f"{path}/join"), 403, "forbidden")


def test_only_moderators_ban(org: Organization) -> None:
    """Only moderators list, create and lift bans; only an organization administrator bans another one."""
    owner, person, chief = org.new_user(), org.new_user(), org.new_user()
    org.make_admin(chief)
    path = f"/teams/{owner.create_team('quiet', join_policy='open')['id']}"
    person.call("POST", f"{path}/join")
    chief.call("POST", f"{path}/join")
    calls: list[tuple[str, str, Any]] = [
        ("GET", f"{path}/bans", None),
        ("POST", f"{path}/bans", {"user_id": owner.id}),
        ("DELETE", f"{path}/bans/{owner.id}", None),
    ]
    for method, url, body in calls:
        assert_exchange_error(person.client.request(method, url, json=body), 403, "forbidden")
        assert_exchange_error(org.new_outsider().client.request(method, url, json=body), 404, "not_found")
    assert_exchange_error(owner.client.post(f"{path}/bans", json={"user_id": chief.id}), 403, "forbidden")
    assert chief.call("GET", path)["joinStatus"] == "joined"
    org.admin.call("POST", f"{path}/bans", json={"user_id": chief.id})
    assert chief.call("GET", path)["joinStatus"] == "banned"


def test_invalid_bans(org: Organization) -> None:
    """The caller, an unknown person, an invalid body, a banned person and the default team are rejected."""
    person = org.new_user()
    path = f"/teams/{org.admin.create_team('quiet')['id']}"
    bans, client = f"{path}/bans", org.admin.client
    for body in ({"user_id": org.admin.id}, {}, {"user_id": "x"}, {"user_id": person.id, "reason": "x" * 1001}):
        assert_exchange_error(client.post(bans, json=body), 400, "invalid_request")
    assert_exchange_error(client.post(bans, json={"user_id": str(uuid4())}), 404, "not_found")
    assert_exchange_error(client.delete(f"{bans}/x"), 400, "invalid_request")
    org.admin.call("POST", bans, json={"user_id": person.id})
    assert_exchange_error(client.post(bans, json={"user_id": person.id}), 409, "duplicate")
    default = f"/teams/{org.default_team_id()}/bans"
    assert_exchange_error(client.post(default, json={"user_id": person.id}), 409, "conflict")


def test_ban_of_a_stranger_notifies_nobody(org: Organization) -> None:
    """A person outside the organization can be banned in advance, and is not notified of a team they cannot see."""
    stranger = org.new_outsider()
    path = f"/teams/{org.admin.create_team('quiet')['id']}"
    org.admin.call("POST", f"{path}/bans", json={"user_id": stranger.id})
    assert stranger.notification_texts(org.server) == []


def test_ban_after_concurrent_join(org: Organization) -> None:
    """A person who is banned while joining is banned and not a member."""
    person = org.new_user()
    path = f"/teams/{org.admin.create_team('quiet', join_policy='open')['id']}"
    join, ban = (person, "POST", f"{path}/join", {}), (org.admin, "POST", f"{path}/bans", {"user_id": person.id})
    assert run_overlapping(org.server, [join, ban]) == [200, 200]
    team = person.call("GET", path)
    assert (team["joinStatus"], team["memberCount"]) == ("banned", 1)


@pytest.mark.parametrize("policy", ["open", "request"])
def test_join_after_concurrent_ban(org: Organization, policy: str) -> None:
    """A person who joins, or requests to, while being banned is rejected."""
    person = org.new_user()
    path = f"/teams/{org.admin.create_team('quiet', join_policy=policy)['id']}"
    join, ban = (person, "POST", f"{path}/join", {}), (org.admin, "POST", f"{path}/bans", {"user_id": person.id})
    assert run_overlapping(org.server, [ban, join]) == [200, 403]
    team = person.call("GET", path)
    assert (team["joinStatus"], team["memberCount"]) == ("banned", 1)
    assert org.admin.call("GET", f"{path}/join-requests") == []


def test_add_after_concurrent_ban(org: Organization) -> None:
    """A person who is added while being banned is not added."""
    person, owner = org.new_user(), org.new_user()
    path = f"/teams/{owner.create_team('quiet')['id']}"
    body = {"user_id": person.id}
    calls = [(owner, "POST", f"{path}/bans", body), (org.admin, "POST", f"{path}/members", body)]
    assert run_overlapping(org.server, calls) == [200, 409]
    assert person.call("GET", path)["joinStatus"] == "banned"


def test_concurrent_bans(org: Organization) -> None:
    """Of two concurrent bans of a person one succeeds."""
    person = org.new_user()
    path = f"/teams/{org.admin.create_team('quiet')['id']}/bans"
    calls = [(org.admin, "POST", path, {"user_id": person.id})] * 2
    assert run_overlapping(org.server, calls) == [200, 409]
