"""Members: added, promoted and removed by moderators, also where the official client has no method."""

from typing import Any
from uuid import uuid4

from circle import Circle, Someone, at_once
from wire import assert_exchange_error


def team_of(owner: Someone, name: str = "crew", **fields: Any) -> str:
    """The path of a new team."""
    return f"/teams/{owner.create_team(name, **fields)['id']}"


def test_adding_a_member(circle: Circle) -> None:
    """A moderator adds somebody of the organization, as the role they say or the default, and tells them."""
    owner, first, second = circle.person(), circle.person(), circle.person()
    path = team_of(owner, default_role="read")
    member = owner.ask("POST", f"{path}/members", json={"user_id": first.id})
    assert set(member) == {"user_id", "user", "role", "membership_type", "added_at"}
    assert (member["user_id"], member["user"]["username"], member["role"]) == (first.id, first.member.username, "read")
    assert circle.boss.ask("POST", f"{path}/members", json={"user_id": second.id, "role": "admin"})["role"] == "admin"
    assert first.told(circle.server) == ["You were added to the team crew."]
    assert circle.trail(path[7:]) == ["team.create", "team-member.add", "team-member.add"]
    ids = [member["user_id"] for member in first.ask("GET", f"{path}/members")]
    assert ids == [owner.id, second.id, first.id]  # administrators first
    assert first.ask("GET", path, params={"include_members": "true"})["members"][2]["user_id"] == first.id
    assert "members" not in first.ask("GET", path, params={"include_members": "false"})


def test_adding_grants_what_was_asked(circle: Circle) -> None:
    """Whoever asked, and is added, has nothing pending."""
    person = circle.person()
    path = team_of(circle.boss, join_policy="request")
    person.ask("POST", f"{path}/join")
    circle.boss.ask("POST", f"{path}/members", json={"user_id": person.id})
    assert circle.boss.ask("GET", f"{path}/join-requests") == []
    assert person.ask("GET", path)["joinStatus"] == "joined"


def test_who_is_not_added(circle: Circle) -> None:
    """Nobody, strangers, the banned and those in the team already are not added."""
    person, stranger = circle.person(), circle.stranger()
    path = team_of(circle.boss)
    client, members = circle.boss.client, f"{path}/members"
    assert_exchange_error(client.post(members, json={"user_id": str(uuid4())}), 404, "not_found")
    assert_exchange_error(client.post(members, json={"user_id": stranger.id}), 404, "not_found")
    assert_exchange_error(client.post(members, json={"user_id": circle.boss.id}), 409, "duplicate")
    circle.boss.ask("POST", f"{path}/bans", json={"user_id": person.id})
    assert_exchange_error(client.post(members, json={"user_id": person.id}), 409, "conflict")
    for body in ({}, {"user_id": "x"}, {"user_id": person.id, "role": "owner"}, {"user_id": None}):
        assert_exchange_error(client.post(members, json=body), 400, "invalid_request")


def test_changing_a_role(circle: Circle) -> None:
    """A moderator changes roles, and what one may do changes with it; the same role again changes nothing."""
    owner, person = circle.person(), circle.person()
    path = team_of(owner)
    place = f"{path}/members/{person.id}"
    assert_exchange_error(owner.client.put(place, json={"role": "admin"}), 404, "not_found")
    owner.ask("POST", f"{path}/members", json={"user_id": person.id})
    assert_exchange_error(person.client.put(place, json={"role": "admin"}), 403, "forbidden")
    assert owner.ask("PUT", place, json={"role": "admin"})["role"] == "admin"
    assert owner.ask("PUT", place, json={"role": "admin"})["role"] == "admin"
    assert person.ask("GET", path)["canModerate"] is True
    assert person.ask("PUT", f"{path}/members/{owner.id}", json={"role": "read"})["role"] == "read"
    assert_exchange_error(owner.client.put(place, json={"role": "read"}), 403, "forbidden")
    assert_exchange_error(person.client.put(place, json={"role": "none"}), 400, "invalid_request")
    assert circle.trail(path[7:]).count("team-member.role") == 2


def test_last_administrator_stays(circle: Circle) -> None:
    """A team's last administrator is neither demoted nor removed, whoever tries."""
    owner = circle.person()
    place = f"{team_of(owner)}/members/{owner.id}"
    for moderator in (owner, circle.boss):
        assert_exchange_error(moderator.client.put(place, json={"role": "write"}), 409, "conflict")
        assert_exchange_error(moderator.client.delete(place), 409, "conflict")


def test_last_administrators_demote_each_other(circle: Circle) -> None:
    """Of two administrators who demote each other at the same moment one stays."""
    first, second = circle.person(), circle.person()
    path = team_of(first)
    first.ask("POST", f"{path}/members", json={"user_id": second.id, "role": "admin"})
    calls = [
        (first, "PUT", f"{path}/members/{second.id}", {"role": "read"}),
        (second, "PUT", f"{path}/members/{first.id}", {"role": "read"}),
    ]
    assert at_once(circle.server, calls) == [200, 403]
    roles = [member["role"] for member in first.ask("GET", f"{path}/members")]
    assert sorted(roles) == ["admin", "read"]


def test_removing_a_member(circle: Circle) -> None:
    """A moderator removes a member, who may come back as the policy has it."""
    owner, person = circle.person(), circle.person()
    path = team_of(owner, join_policy="open")
    person.ask("POST", f"{path}/join")
    place = f"{path}/members/{person.id}"
    assert_exchange_error(person.client.delete(f"{path}/members/{owner.id}"), 403, "forbidden")
    assert owner.ask("DELETE", place) is None
    assert_exchange_error(owner.client.delete(place), 404, "not_found")
    assert person.ask("GET", path)["joinStatus"] == "none"
    assert circle.trail(path[7:])[-1] == "team-member.remove"
    assert person.ask("POST", f"{path}/join")["joinStatus"] == "joined"


def test_administrators_of_the_organization_are_left_to_each_other(circle: Circle) -> None:
    """A mere administrator of a team neither demotes nor removes one of the organization."""
    owner, chief = circle.person(), circle.person()
    circle.promote(chief)
    path = team_of(owner)
    place = f"{path}/members/{chief.id}"
    owner.ask("POST", f"{path}/members", json={"user_id": chief.id, "role": "admin"})
    assert_exchange_error(owner.client.put(place, json={"role": "read"}), 403, "forbidden")
    assert_exchange_error(owner.client.delete(place), 403, "forbidden")
    circle.boss.ask("PUT", place, json={"role": "read"})
    assert circle.boss.ask("DELETE", place) is None


def test_default_team_follows_the_organization(circle: Circle) -> None:
    """In the default team roles follow those in the organization, and nobody is removed."""
    person = circle.person()
    path = f"/teams/{circle.default_team()}"
    roles = {member["user_id"]: member["role"] for member in person.ask("GET", f"{path}/members")}
    assert roles == {circle.boss.id: "admin", person.id: "write"}
    circle.promote(person)
    assert person.ask("GET", path)["userMembership"]["role"] == "admin"
    assert_exchange_error(circle.boss.client.delete(f"{path}/members/{person.id}"), 409, "conflict")


def test_strangers_see_no_members(circle: Circle) -> None:
    """A public team shows strangers how many are in it, and not who."""
    path, stranger = team_of(circle.boss, visibility="public"), circle.stranger()
    shown = stranger.ask("GET", path, params={"include_members": "true"})
    assert shown["memberCount"] == 1
    assert "members" not in shown
    assert_exchange_error(stranger.client.get(f"{path}/members"), 403, "api_key_org_mismatch")
    assert_exchange_error(circle.free(stranger).client.get(f"{path}/members"), 403, "forbidden")
    for method, place, body in (
        ("POST", "/members", {"user_id": stranger.id}),
        ("PUT", f"/members/{circle.boss.id}", {"role": "read"}),
        ("DELETE", f"/members/{circle.boss.id}", None),
    ):
        response = stranger.client.request(method, path + place, json=body)
        assert_exchange_error(response, 403, "api_key_org_mismatch")


def test_members_are_paged(circle: Circle) -> None:
    """Pages of members show each once, and say exactly whether there are more."""
    path = team_of(circle.boss)
    for _ in range(2):
        circle.boss.ask("POST", f"{path}/members", json={"user_id": circle.person().id})
    seen = []
    for offset in range(3):
        page = circle.boss.client.get(f"{path}/members", params={"offset": offset, "limit": 1}).json()
        assert page["pagination"]["hasMore"] is (offset < 2)
        seen += [member["user_id"] for member in page["data"]]
    assert len(set(seen)) == 3
