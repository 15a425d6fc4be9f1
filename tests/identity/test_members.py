"""Members of an organization: list, add, change roles, remove and leave; the last administrator stays."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from _support.clients import get_token
from _support.responses import assert_exchange_error
from _support.server_log import assert_no_errors_logged
from _support.waiting import wait_until
from identity.managed_organization import ManagedOrganization

UNKNOWN = "0190a3c2-0000-7000-8000-000000000000"


def test_members_are_listed(org: ManagedOrganization) -> None:
    """Members see all members, administrators first, in pages, without email addresses."""
    extra = [org.server.new_member() for _ in range(3)]
    for person in extra:
        org.add_member(person)
    org.add_member(chief := org.server.new_member(), "admin")
    page = org.member_client.get(f"{org.path}/members").json()
    assert page["pagination"] == {"offset": 0, "limit": 50, "total": 6, "hasMore": False, "nextCursor": None}
    first = page["data"][0]
    assert list(first) == ["user_id", "user", "role", "membership_type", "added_at"]
    assert list(first["user"]) == ["user_id", "username", "name", "avatar_path", "actor_type"]
    assert first["user_id"] == first["user"]["user_id"] == org.admin.person
    assert (first["user"]["name"], first["role"], first["membership_type"]) == ("Jane Doe", "admin", "internal")
    expected = [org.admin, chief, org.member, *extra]
    assert [found["user"]["username"] for found in page["data"]] == [person.username for person in expected]
    walked, offset, more = [], 0, True
    while more:
        page = org.member_client.get(f"{org.path}/members", params={"limit": 3, "offset": offset}).json()
        walked += [found["user_id"] for found in page["data"]]
        more, offset = page["pagination"]["hasMore"], offset + 3
    assert (walked, offset) == ([person.person for person in expected], 6)


def test_only_members_list_members(org: ManagedOrganization) -> None:
    """Only members can list an organization's members, even if it is public."""
    org.update(visibility="public")
    stranger = org.client_of(org.server.new_member())
    assert stranger.get(org.path).status_code == 200
    assert_exchange_error(stranger.get(f"{org.path}/members"), 404, "not_found")


def test_add(org: ManagedOrganization) -> None:
    """An administrator adds people by username or id; they are notified, and the audit trail records the actor."""
    by_name, by_id = org.server.new_member(), org.server.new_member()
    answer = org.admin_client.post(f"{org.path}/members", json={"username": by_name.username}).json()["data"]
    assert (answer["user_id"], answer["role"]) == (by_name.person, "member")
    answer = org.admin_client.post(f"{org.path}/members", json={"user_id": by_id.person, "role": "admin"}).json()[
        "data"
    ]
    assert (answer["user"]["username"], answer["role"]) == (by_id.username, "admin")
    assert org.notifications(by_name) == [("invite", "You are now a member of The House.", org.admin.person)]
    assert org.notifications(by_id) == [("invite", "You are now an administrator of The House.", org.admin.person)]
    added = org.audit_events("member.add")
    assert [str(event["subject_id"]) for event in added][-2:] == [by_name.person, by_id.person]
    assert {str(event["actor_id"]) for event in added} == {org.admin.person}


def test_added_member_can_act_immediately(org: ManagedOrganization) -> None:
    """The existing token of a new member works in the organization."""
    newcomer = org.server.new_member()
    client = org.client_of(newcomer)
    headers = {"x-ouro-org": org.id}
    assert_exchange_error(client.get("/user", headers=headers), 403, "org_context_forbidden")
    org.add_member(newcomer)
    wait_until(lambda: client.get("/user", headers=headers).status_code == 200)


def test_added_twice_is_a_conflict(org: ManagedOrganization) -> None:
    """Of many concurrent requests to add a person, one succeeds and the others get 409."""
    newcomer = org.server.new_member()
    body = {"username": newcomer.username}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: org.admin_client.post(f"{org.path}/members", json=body), range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
    for answer in answers:
        if answer.status_code == 409:
            assert_exchange_error(answer, 409, "duplicate")
    assert len(org.notifications(newcomer)) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"username": "admin", "user_id": UNKNOWN}, 400),
        ({"username": "admin", "role": "king"}, 400),
        ({"user_id": "x"}, 400),
        ({"username": 1}, 400),
        ({"username": ""}, 404),
        ({"username": "nobody-at-all"}, 404),
        ({"username": "a\0b"}, 404),
        ({"user_id": UNKNOWN}, 404),
    ],
    ids=str,
)
def test_invalid_person_is_rejected(org: ManagedOrganization, body: dict[str, Any], status: int) -> None:
    """A body that names no existing person adds nobody."""
    response = org.admin_client.post(f"{org.path}/members", json=body)
    assert_exchange_error(response, status, "invalid_request" if status == 400 else "not_found")
    assert len(org.roles) == 2


def test_roles(org: ManagedOrganization) -> None:
    """An administrator changes roles by username or id; the person is notified only if the role changes."""
    path = f"{org.path}/members"
    for user, role in ((org.member.username, "admin"), (org.member.person, "member"), (org.member.person, "member")):
        answer = org.admin_client.put(f"{path}/{user}", json={"role": role})
        assert answer.json()["data"]["role"] == role
        assert org.roles[org.member.username] == role
    assert [(kind, text) for kind, text, _ in org.notifications(org.member)[1:]] == [
        ("other", "You are now an administrator of The House."),
        ("other", "You are now a member of The House."),
    ]
    assert len(org.audit_events("member.role")) == 2
    stranger = org.server.new_member()
    for user in (stranger.username, stranger.person, UNKNOWN, "nobody-at-all"):
        assert_exchange_error(org.admin_client.put(f"{path}/{user}", json={"role": "admin"}), 404, "not_found")
    for body in ({}, {"role": "king"}, {"role": None}):
        assert_exchange_error(org.admin_client.put(f"{path}/{org.member.person}", json=body), 400, "invalid_request")


def test_rights_end_with_the_role(org: ManagedOrganization) -> None:
    """A demoted administrator loses the rights with their next request, with the same token."""
    org.add_member(chief := org.server.new_member(), "admin")
    client = org.client_of(chief)
    body = {"organization": {"mission": "Ours."}}
    assert client.put(org.path, json=body).status_code == 200
    org.admin_client.put(f"{org.path}/members/{chief.username}", json={"role": "member"})
    assert_exchange_error(client.put(org.path, json=body), 403, "forbidden")


def test_plain_members_cannot_change_members(org: ManagedOrganization) -> None:
    """A plain member can neither add nor remove others, nor change any role, including their own."""
    other = org.server.new_member()
    path = f"{org.path}/members"
    for response in (
        org.member_client.post(path, json={"username": other.username}),
        org.member_client.put(f"{path}/{org.member.username}", json={"role": "admin"}),
        org.member_client.put(f"{path}/{org.admin.username}", json={"role": "member"}),
        org.member_client.delete(f"{path}/{org.admin.username}"),
    ):
        assert_exchange_error(response, 403, "forbidden")
    assert org.roles == {org.admin.username: "admin", org.member.username: "member"}


def test_strangers_cannot_change_members(org: ManagedOrganization) -> None:
    """An administrator of another organization cannot change the members of a public one."""
    org.update(visibility="public")
    stranger = org.server.new_member()
    client = org.client_of(stranger)
    client.post("/organizations/create", json={"organization": {"display_name": "Elsewhere"}})
    path = f"{org.path}/members"
    for response in (
        client.post(path, json={"username": stranger.username, "role": "admin"}),
        client.put(f"{path}/{org.admin.username}", json={"role": "member"}),
        client.delete(f"{path}/{org.member.username}"),
        client.post(f"{org.path}/join", json={}),
    ):
        assert_exchange_error(response, 403, "forbidden")
    assert_exchange_error(client.delete(f"{path}/{stranger.username}"), 404, "not_found")
    assert org.roles == {org.admin.username: "admin", org.member.username: "member"}


def test_remove(org: ManagedOrganization) -> None:
    """A removed member is notified, no longer sees the organization, and is not in its default team."""
    assert org.admin_client.delete(f"{org.path}/members/{org.member.username}").json() == {"data": None, "error": None}
    assert org.roles == {org.admin.username: "admin"}
    assert org.notifications(org.member)[1:] == [
        ("other", "You are no longer a member of The House.", org.admin.person)
    ]
    assert_exchange_error(org.member_client.get(org.path), 404, "not_found")
    inside = org.server.query(
        "select count(*) from team_member m join team t on t.id = m.team_id"
        " where t.organization_id = $1 and m.person_id = $2",
        org.id,
        org.member.person,
    )
    assert inside[0][0] == 0
    (event,) = org.audit_events("member.remove")
    assert (str(event["actor_id"]), str(event["subject_id"])) == (org.admin.person, org.member.person)
    again = org.admin_client.delete(f"{org.path}/members/{org.member.username}")
    assert_exchange_error(again, 404, "not_found")


def test_removal_revokes_bound_keys(org: ManagedOrganization) -> None:
    """A removal revokes the person's keys that are bound to the organization, for good; their other keys still work."""
    made = org.server.new_key(org.member, organization=org.id)
    token = get_token(org.server, made.key)

    def get_user() -> httpx.Response:
        return httpx.get(f"{org.server.url}/user", headers={"authorization": token}, trust_env=False)

    assert get_user().status_code == 200
    org.admin_client.delete(f"{org.path}/members/{org.member.username}")
    wait_until(lambda: get_user().status_code == 401)
    assert org.member_client.get("/user").status_code == 200
    org.add_member(org.member)
    assert org.member_client.get(org.path).status_code == 200
    assert_exchange_error(get_user(), 401, "unauthenticated")
    (event,) = org.audit_events("member.remove")
    assert made.key_id in event["details"]


def test_leave(org: ManagedOrganization) -> None:
    """A member leaves by removing themselves; the audit trail names them as the actor, and nobody is notified."""
    before = org.notifications(org.member)
    assert org.member_client.delete(f"{org.path}/members/{org.member.person}").status_code == 200
    assert org.notifications(org.member) == before
    (event,) = org.audit_events("member.remove")
    assert event["actor_id"] == event["subject_id"]
    assert_exchange_error(org.member_client.delete(f"{org.path}/members/{org.member.person}"), 404, "not_found")


def test_last_administrator_stays(org: ManagedOrganization) -> None:
    """The only administrator can neither leave nor give up the role until there is another."""
    path = f"{org.path}/members/{org.admin.username}"
    assert_exchange_error(org.admin_client.delete(path), 409, "last_administrator")
    assert_exchange_error(org.admin_client.put(path, json={"role": "member"}), 409, "last_administrator")
    assert org.admin_client.put(path, json={"role": "admin"}).status_code == 200
    assert org.roles[org.admin.username] == "admin"
    org.admin_client.put(f"{org.path}/members/{org.member.username}", json={"role": "admin"})
    assert org.admin_client.delete(path).status_code == 200
    assert org.roles == {org.member.username: "admin"}


@pytest.mark.parametrize("way", ["leave", "step down", "remove each other", "mixed"])
def test_concurrent_departures_leave_an_administrator(org: ManagedOrganization, way: str) -> None:
    """When administrators leave, step down or remove each other concurrently, at least one remains."""
    chiefs = [org.server.new_member() for _ in range(4)]
    for chief in chiefs:
        org.add_member(chief, "admin")
    people = [org.admin, *chiefs]
    clients = [org.admin_client, *map(org.client_of, chiefs)]

    def go(number: int) -> httpx.Response:
        own = f"{org.path}/members/{people[number].username}"
        other = f"{org.path}/members/{people[(number + 1) % len(people)].username}"
        if way == "step down" or (way == "mixed" and number % 3 == 0):
            return clients[number].put(own, json={"role": "member"})
        return clients[number].delete(
            other if way == "remove each other" or (way == "mixed" and number % 3 == 1) else own
        )

    with ThreadPoolExecutor(len(people)) as pool:
        answers = list(pool.map(go, range(len(people))))
    left = [role for role in org.roles.values() if role == "admin"]
    assert len(left) >= 1
    if way in ("leave", "step down"):
        assert sorted(answer.status_code for answer in answers) == [200] * 4 + [409]
        assert len(left) == 1
    assert {answer.status_code for answer in answers} <= {200, 403, 404, 409}
    assert_no_errors_logged(org.server)
