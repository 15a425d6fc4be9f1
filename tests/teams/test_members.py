"""Members of a team: moderators add and remove them and change their roles."""

from typing import Any
from uuid import uuid4

from _support.concurrency import run_overlapping
from _support.organizations import Organization, User
from _support.responses import assert_exchange_error


def team_of(owner: User, name: str = "crew", **fields: Any) -> str:
    """Create a team, and return its path."""
    return f"/teams/{owner.create_team(name, **fields)['id']}"


def test_add(org: Organization) -> None:
    """A moderator adds a member of the organization, with a given or the default role, and they are notified."""
    owner, first, second = org.new_user(), org.new_user(), org.new_user()
    path = team_of(owner, default_role="read")
    member = owner.call("POST", f"{path}/members", json={"user_id": first.id})
    assert set(member) == {"user_id", "user", "role", "membership_type", "added_at"}
    assert (member["user_id"], member["user"]["username"], member["role"]) == (first.id, first.member.username, "read")
    assert org.admin.call("POST", f"{path}/members", json={"user_id": second.id, "role": "admin"})["role"] == "admin"
    assert first.notification_texts(org.server) == ["You were added to the team crew."]
    assert org.audit_actions(path[7:]) == ["team.create", "team-member.add", "team-member.add"]
    ids = [member["user_id"] for member in first.call("GET", f"{path}/members")]
    assert ids == [owner.id, second.id, first.id]  # administrators first
    assert first.call("GET", path, params={"include_members": "true"})["members"][2]["user_id"] == first.id
    assert "members" not in first.call("GET", path, params={"include_members": "false"})


def test_adding_approves_a_request(org: Organization) -> None:
    """Adding a person approves their pending request."""
    person = org.new_user()
    path = team_of(org.admin, join_policy="request")
    person.call("POST", f"{path}/join")
    org.admin.call("POST", f"{path}/members", json={"user_id": person.id})
    assert org.admin.call("GET", f"{path}/join-requests") == []
    assert person.call("GET", path)["joinStatus"] == "joined"


def test_invalid_additions(org: Organization) -> None:
    """Unknown people, strangers, banned people and members cannot be added."""
    person, stranger = org.new_user(), org.new_outsider()
    path = team_of(org.admin)
    client, members = org.admin.client, f"{path}/members"
    assert_exchange_error(client.post(members, json={"user_id": str(uuid4())}), 404, "not_found")
    assert_exchange_error(client.post(members, json={"user_id": stranger.id}), 404, "not_found")
    assert_exchange_error(client.post(members, json={"user_id": org.admin.id}), 409, "duplicate")
    org.admin.call("POST", f"{path}/bans", json={"user_id": person.id})
    assert_exchange_error(client.post(members, json={"user_id": person.id}), 409, "conflict")
    for body in ({}, {"user_id": "x"}, {"user_id": person.id, "role": "owner"}, {"user_id": None}):
        assert_exchange_error(client.post(members, json=body), 400, "invalid_request")


def test_change_role(org: Organization) -> None:
    """A moderator changes roles and with them rights; the same role again changes nothing."""
    owner, person = org.new_user(), org.new_user()
    path = team_of(owner)
    member_path = f"{path}/members/{person.id}"
    assert_exchange_error(owner.client.put(member_path, json={"role": "admin"}), 404, "not_found")
    owner.call("POST", f"{path}/members", json={"user_id": person.id})
    assert_exchange_error(person.client.put(member_path, json={"role": "admin"}), 403, "forbidden")
    assert owner.call("PUT", member_path, json={"role": "admin"})["role"] == "admin"
    assert owner.call("PUT", member_path, json={"role": "admin"})["role"] == "admin"
    assert person.call("GET", path)["canModerate"] is True
    assert person.call("PUT", f"{path}/members/{owner.id}", json={"role": "read"})["role"] == "read"
    assert_exchange_error(owner.client.put(member_path, json={"role": "read"}), 403, "forbidden")
    assert_exchange_error(person.client.put(member_path, json={"role": "none"}), 400, "invalid_request")
    assert org.audit_actions(path[7:]).count("team-member.role") == 2


def test_last_administrator_stays(org: Organization) -> None:
    """A team's last administrator can be neither demoted nor removed, by anyone."""
    owner = org.new_user()
    member_path = f"{team_of(owner)}/members/{owner.id}"
    for moderator in (owner, org.admin):
        assert_exchange_error(moderator.client.put(member_path, json={"role": "write"}), 409, "conflict")
        assert_exchange_error(moderator.client.delete(member_path), 409, "conflict")


def test_last_administrators_demote_each_other(org: Organization) -> None:
    """Of two administrators who demote each other concurrently one stays."""
    first, second = org.new_user(), org.new_user()
    path = team_of(first)
    first.call("POST", f"{path}/members", json={"user_id": second.id, "role": "admin"})
    calls = [
        (first, "PUT", f"{path}/members/{second.id}", {"role": "read"}),
        (second, "PUT", f"{path}/members/{first.id}", {"role": "read"}),
    ]
    assert run_overlapping(org.server, calls) == [200, 403]
    roles = [member["role"] for member in first.call("GET", f"{path}/members")]
    assert sorted(roles) == ["admin", "read"]


def test_remove(org: Organization) -> None:
    """A moderator removes a member, who may join again as the policy allows."""
    owner, person = org.new_user(), org.new_user()
    path = team_of(owner, join_policy="open")
    person.call("POST", f"{path}/join")
    member_path = f"{path}/members/{person.id}"
    assert_exchange_error(person.client.delete(f"{path}/members/{owner.id}"), 403, "forbidden")
    assert owner.call("DELETE", member_path) is None
    assert_exchange_error(owner.client.delete(member_path), 404, "not_found")
    assert person.call("GET", path)["joinStatus"] == "none"
    assert org.audit_actions(path[7:])[-1] == "team-member.remove"
    assert person.call("POST", f"{path}/join")["joinStatus"] == "joined"


def test_organization_administrators_are_protected(org: Organization) -> None:
    """An administrator of only the team can neither demote nor remove one of the organization."""
    owner, chief = org.new_user(), org.new_user()
    org.make_admin(chief)
    path = team_of(owner)
    member_path = f"{path}/members/{chief.id}"
    owner.call("POST", f"{path}/members", json={"user_id": chief.id, "role": "admin"})
    assert_exchange_error(owner.client.put(member_path, json={"role": "read"}), 403, "forbidden")
    assert_exchange_error(owner.client.delete(member_path), 403, "forbidden")
    org.admin.call("PUT", member_path, json={"role": "read"})
    assert org.admin.call("DELETE", member_path) is None


def test_default_team_follows_the_organization(org: Organization) -> None:
    """In the default team, roles follow those in the organization, and nobody can be removed."""
    person = org.new_user()
    path = f"/teams/{org.default_team_id()}"
    roles = {member["user_id"]: member["role"] for member in person.call("GET", f"{path}/members")}
    assert roles == {org.admin.id: "admin", person.id: "write"}
    org.make_admin(person)
    assert person.call("GET", path)["userMembership"]["role"] == "admin"
    assert_exchange_error(org.admin.client.delete(f"{path}/members/{person.id}"), 409, "conflict")


def test_strangers_see_no_members(org: Organization) -> None:
    """A public team shows strangers the number of its members but not who they are."""
    path, stranger = team_of(org.admin, visibility="public"), org.new_outsider()
    shown = stranger.call("GET", path, params={"include_members": "true"})
    assert shown["memberCount"] == 1
    assert "members" not in shown
    assert_exchange_error(stranger.client.get(f"{path}/members"), 403, "api_key_org_mismatch")
    assert_exchange_error(org.with_unbound_key(stranger).client.get(f"{path}/members"), 403, "forbidden")
    for method, suffix, body in (
        ("POST", "/members", {"user_id": stranger.id}),
        ("PUT", f"/members/{org.admin.id}", {"role": "read"}),
        ("DELETE", f"/members/{org.admin.id}", None),
    ):
        response = stranger.client.request(method, path + suffix, json=body)
        assert_exchange_error(response, 403, "api_key_org_mismatch")


def test_members_are_paged(org: Organization) -> None:
    """Pages of members show each once, with an exact `hasMore`."""
    path = team_of(org.admin)
    for _ in range(2):
        org.admin.call("POST", f"{path}/members", json={"user_id": org.new_user().id})
    seen = []
    for offset in range(3):
        page = org.admin.client.get(f"{path}/members", params={"offset": offset, "limit": 1}).json()
        assert page["pagination"]["hasMore"] is (offset < 2)
        seen += [member["user_id"] for member in page["data"]]
    assert len(set(seen)) == 3
