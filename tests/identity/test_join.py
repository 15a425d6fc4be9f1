"""Joining an organization: immediately if it is open, by a request if it takes requests."""

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
    """A person who sees an open organization joins it once, as a plain member; one by invitation rejects them."""
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
def test_actor_type_policy(org: ManagedOrganization, policy: str, kind: str, status: int) -> None:
    """An open organization that admits verified people or agents only rejects everyone else."""
    newcomer = org.server.new_member()
    org.server.query("update person set actor_type = $2 where id = $1", newcomer.person, kind)
    org.update(visibility="public", join_policy="open", actor_type_policy=policy)
    assert org.client_of(newcomer).post(f"{org.path}/join", json={}).status_code == status


def request_to_join(org: ManagedOrganization) -> tuple[Member, httpx.Client, dict[str, Any]]:
    """Create a person who requests to join. Returns them, their client, and the request as administrators see it."""
    org.update(visibility="public", join_policy="request")
    newcomer = org.server.new_member()
    client = org.client_of(newcomer)
    shown = client.post(f"{org.path}/join", json={}).json()["data"]
    assert (shown["membership"], shown["join_request_pending"]) == (None, True)
    request = next(found for found in list_requests(org) if found["user_id"] == newcomer.person)
    return newcomer, client, request


def list_requests(org: ManagedOrganization, **query: Any) -> list[dict[str, Any]]:
    """Return the pending requests as the administrator sees them."""
    return list(org.admin_client.get(f"{org.path}/join-requests", params=query).json()["data"])


def test_request(org: ManagedOrganization) -> None:
    """A person has one pending request, however often they ask, and the administrators are notified."""
    newcomer, client, request = request_to_join(org)
    assert list(request) == ["id", "org_id", "user_id", "user", "status", "created_at"]
    assert (request["org_id"], request["status"]) == (org.id, "pending")
    assert (request["user"]["username"], request["user"]["user_id"]) == (newcomer.username, newcomer.person)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: client.post(f"{org.path}/join", json={}), range(4)))
    assert {answer.status_code for answer in answers} == {200}
    assert list_requests(org) == [request]
    notification = ("other", f"{newcomer.username} asks to join The House.", newcomer.person)
    assert org.notifications(org.admin) == [notification]
    assert org.notifications(org.member)[1:] == []
    assert newcomer.username not in org.roles
    assert client.get(org.path).json()["data"]["join_request_pending"] is True
    assert [event["action"] for event in org.audit_events("organization-request.create")] == [
        "organization-request.create"
    ]


def test_requests_are_paged(org: ManagedOrganization) -> None:
    """Requests are listed oldest first, in pages, and the last page says that it is the last."""
    people = [request_to_join(org)[0].person for _ in range(3)]
    page = org.admin_client.get(f"{org.path}/join-requests", params={"limit": 2}).json()
    assert page["pagination"] == {"offset": 0, "limit": 2, "total": 3, "hasMore": True, "nextCursor": None}
    rest = org.admin_client.get(f"{org.path}/join-requests", params={"limit": 2, "offset": 2}).json()
    assert rest["pagination"]["hasMore"] is False
    assert [request["user_id"] for request in page["data"] + rest["data"]] == people


def test_approve(org: ManagedOrganization) -> None:
    """An approved person becomes a member, is notified, and has no pending request."""
    newcomer, client, request = request_to_join(org)
    path = f"{org.path}/join-requests/{request['id']}"
    assert org.admin_client.post(f"{path}/approve", json={}).json() == {"data": None, "error": None}
    assert org.roles[newcomer.username] == "member"
    shown = client.get(org.path).json()["data"]
    assert (shown["userRole"], shown["join_request_pending"]) == ("member", False)
    assert org.notifications(newcomer) == [("invite", "You are now a member of The House.", org.admin.person)]
    assert list_requests(org) == []
    for decision in ("approve", "reject"):
        assert_exchange_error(org.admin_client.post(f"{path}/{decision}"), 404, "not_found")
    (event,) = org.audit_events("organization-request.approve")
    assert (str(event["actor_id"]), str(event["subject_id"])) == (org.admin.person, newcomer.person)


def test_reject(org: ManagedOrganization) -> None:
    """A rejected person is notified, does not become a member, and may ask again."""
    newcomer, client, request = request_to_join(org)
    path = f"{org.path}/join-requests/{request['id']}"
    assert org.admin_client.post(f"{path}/reject").json() == {"data": None, "error": None}
    assert org.notifications(newcomer) == [("other", "Your request to join The House was rejected.", org.admin.person)]
    assert newcomer.username not in org.roles
    assert client.get(org.path).json()["data"]["join_request_pending"] is False
    assert client.post(f"{org.path}/join").json()["data"]["join_request_pending"] is True
    (again,) = list_requests(org)
    assert again["id"] != request["id"]
    assert len(org.audit_events("organization-request.reject")) == 1


def test_decided_once(org: ManagedOrganization) -> None:
    """Of many concurrent decisions on one request, one succeeds and the others find no request."""
    newcomer, _, request = request_to_join(org)
    path = f"{org.path}/join-requests/{request['id']}"

    def decide(number: int) -> httpx.Response:
        return org.admin_client.post(f"{path}/{('approve', 'reject')[number % 2]}")

    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(decide, range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [404] * 5
    assert len(org.notifications(newcomer)) == 1
    assert_no_errors_logged(org.server)


def test_request_ends_with_membership(org: ManagedOrganization) -> None:
    """A pending request disappears when the person becomes a member in another way."""
    added, _, _ = request_to_join(org)
    org.add_member(added)
    _, client, _ = request_to_join(org)
    org.update(join_policy="open")
    assert client.post(f"{org.path}/join").json()["data"]["userRole"] == "member"
    assert list_requests(org) == []


def test_requests_are_for_administrators(org: ManagedOrganization) -> None:
    """Members and strangers neither see nor decide requests, and a request's id is valid only in its organization."""
    _, client, request = request_to_join(org)
    for person in (client, org.member_client):
        assert_exchange_error(person.get(f"{org.path}/join-requests"), 403, "forbidden")
        for decision in ("approve", "reject"):
            answer = person.post(f"{org.path}/join-requests/{request['id']}/{decision}")
            assert_exchange_error(answer, 403, "forbidden")
    other = ManagedOrganization(org.server, org.clients)
    for which, status in ((request["id"], 404), (UNKNOWN, 404), ("x", 400)):
        answer = other.admin_client.post(f"{other.path}/join-requests/{which}/approve")
        assert_exchange_error(answer, status, "not_found" if status == 404 else "invalid_request")
    assert list_requests(org) == [request]
