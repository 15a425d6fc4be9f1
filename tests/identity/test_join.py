"""Joining an organization: at once where it is open, by a request where it takes these."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from _support.members import Member
from _support.responses import assert_exchange_error
from _support.server_log import assert_no_errors_logged
from identity.managed_organization import ManagedOrganization

UNKNOWN = "0190a3c2-0000-7000-8000-000000000000"


def test_join(org: ManagedOrganization) -> None:
    """Anybody who sees an open organization may join it, as a plain member and once; others are told to ask."""
    newcomer = org.server.new_member()
    client = org.client_of(newcomer)
    org.update(visibility="public")
    assert_exchange_error(client.post(f"{org.path}/join"), 403, "forbidden")
    org.update(join_policy="open")
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.post(f"{org.path}/join", json={}), range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert answers[0].json()["data"]["membership"] == {"role": "member", "membership_type": "internal"}
    assert answers[0].json()["data"]["default_team"]
    joined = [event for event in org.audit_events("member.add") if str(event["actor_id"]) == newcomer.person]
    assert [str(event["subject_id"]) for event in joined] == [newcomer.person]
    admin = org.admin_client.post(f"{org.path}/join", json={}).json()["data"]
    assert admin["userRole"] == "admin"


@pytest.mark.parametrize(
    ("policy", "kind", "status"),
    [
        ("verified_only", "base", 403),
        ("verified_only", "agent", 403),
        ("verified_only", "verified", 200),
        ("agents_only", "verified", 403),
        ("agents_only", "agent", 200),
        ("any", "base", 200),
    ],
)
def test_join_is_for_those_the_policy_is_for(org: ManagedOrganization, policy: str, kind: str, status: int) -> None:
    """An open organization that is for verified people or for agents is joined by these alone."""
    newcomer = org.server.new_member()
    org.server.query("update person set actor_type = $2 where id = $1", newcomer.person, kind)
    org.update(visibility="public", join_policy="open", actor_type_policy=policy)
    assert org.client_of(newcomer).post(f"{org.path}/join", json={}).status_code == status


def ask(org: ManagedOrganization) -> tuple[Member, httpx.Client, dict[str, Any]]:
    """Somebody who asks to join a org that takes requests, with a client and the request as administrators see it."""
    org.update(visibility="public", join_policy="request")
    newcomer = org.server.new_member()
    client = org.client_of(newcomer)
    shown = client.post(f"{org.path}/join", json={}).json()["data"]
    assert (shown["membership"], shown["join_request_pending"]) == (None, True)
    request = next(one for one in requests(org) if one["user_id"] == newcomer.person)
    return newcomer, client, request


def requests(org: ManagedOrganization, **query: Any) -> list[dict[str, Any]]:
    """The pending requests, as the administrator sees them."""
    return list(org.admin_client.get(f"{org.path}/join-requests", params=query).json()["data"])


def test_request(org: ManagedOrganization) -> None:
    """Whoever asks is in the list, once however often they ask, and the administrators are told."""
    newcomer, client, request = ask(org)
    assert list(request) == ["id", "org_id", "user_id", "user", "status", "created_at"]
    assert (request["org_id"], request["status"]) == (org.id, "pending")
    assert (request["user"]["username"], request["user"]["user_id"]) == (newcomer.username, newcomer.person)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.post(f"{org.path}/join", json={}), range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert requests(org) == [request]
    told = ("other", f"{newcomer.username} asks to join The House.", newcomer.person)
    assert org.notifications(org.admin) == [told]
    assert org.notifications(org.member)[1:] == []
    assert newcomer.username not in org.roles
    assert client.get(org.path).json()["data"]["join_request_pending"] is True
    assert [event["action"] for event in org.audit_events("organization-request.create")] == [
        "organization-request.create"
    ]


def test_requests_page(org: ManagedOrganization) -> None:
    """Requests go by the time they were made, page by page, and the last page says that it is the last."""
    asked = [ask(org)[0].person for _ in range(3)]
    page = org.admin_client.get(f"{org.path}/join-requests", params={"limit": 2}).json()
    assert page["pagination"] == {"offset": 0, "limit": 2, "total": 3, "hasMore": True, "nextCursor": None}
    rest = org.admin_client.get(f"{org.path}/join-requests", params={"limit": 2, "offset": 2}).json()
    assert rest["pagination"]["hasMore"] is False
    assert [one["user_id"] for one in page["data"] + rest["data"]] == asked


def test_approve(org: ManagedOrganization) -> None:
    """Whoever is approved is a member, is told so, and asks no longer."""
    newcomer, client, request = ask(org)
    path = f"{org.path}/join-requests/{request['id']}"
    assert org.admin_client.post(f"{path}/approve", json={}).json() == {"data": None, "error": None}
    assert org.roles[newcomer.username] == "member"
    shown = client.get(org.path).json()["data"]
    assert (shown["userRole"], shown["join_request_pending"]) == ("member", False)
    assert org.notifications(newcomer) == [("invite", "You are now a member of The House.", org.admin.person)]
    assert requests(org) == []
    for decision in ("approve", "reject"):
        assert_exchange_error(org.admin_client.post(f"{path}/{decision}"), 404, "not_found")
    (event,) = org.audit_events("organization-request.approve")
    assert (str(event["actor_id"]), str(event["subject_id"])) == (org.admin.person, newcomer.person)


def test_reject(org: ManagedOrganization) -> None:
    """Whoever is rejected is told so and is no member; they may ask again."""
    newcomer, client, request = ask(org)
    path = f"{org.path}/join-requests/{request['id']}"
    assert org.admin_client.post(f"{path}/reject").json() == {"data": None, "error": None}
    assert org.notifications(newcomer) == [("other", "Your request to join The House was rejected.", org.admin.person)]
    assert newcomer.username not in org.roles
    assert client.get(org.path).json()["data"]["join_request_pending"] is False
    assert client.post(f"{org.path}/join").json()["data"]["join_request_pending"] is True
    (again,) = requests(org)
    assert again["id"] != request["id"]
    assert len(org.audit_events("organization-request.reject")) == 1


def test_decided_once(org: ManagedOrganization) -> None:
    """Of many who decide one request at the same moment one does, and the others find it decided."""
    newcomer, _, request = ask(org)
    path = f"{org.path}/join-requests/{request['id']}"

    def decide(number: int) -> httpx.Response:
        return org.admin_client.post(f"{path}/{('approve', 'reject')[number % 2]}")

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(decide, range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [404] * 5
    assert len(org.notifications(newcomer)) == 1
    assert_no_errors_logged(org.server)


def test_request_ends_with_membership(org: ManagedOrganization) -> None:
    """Whoever asked and was added without it, or found the door open meanwhile, asks no longer."""
    added, _, _ = ask(org)
    org.add_member(added)
    _, client, _ = ask(org)
    org.update(join_policy="open")
    assert client.post(f"{org.path}/join").json()["data"]["userRole"] == "member"
    assert requests(org) == []


def test_requests_are_for_administrators(org: ManagedOrganization) -> None:
    """A member and a stranger neither see requests nor decide them, least of all their own; ids lead nowhere else."""
    _, client, request = ask(org)
    for somebody in (client, org.member_client):
        assert_exchange_error(somebody.get(f"{org.path}/join-requests"), 403, "forbidden")
        for decision in ("approve", "reject"):
            answer = somebody.post(f"{org.path}/join-requests/{request['id']}/{decision}")
            assert_exchange_error(answer, 403, "forbidden")
    other = ManagedOrganization(org.server, org.clients)
    for which, status in ((request["id"], 404), (UNKNOWN, 404), ("x", 400)):
        answer = other.admin_client.post(f"{other.path}/join-requests/{which}/approve")
        assert_exchange_error(answer, status, "not_found" if status == 404 else "invalid_request")
    assert requests(org) == [request]
