"""Requests to join a team: moderators list and decide them, once."""

import asyncio
from uuid import uuid4

import asyncpg
import pytest

from _support.concurrency import run_overlapping
from _support.organizations import Organization, User
from _support.responses import assert_exchange_error


def create_request(org: Organization, name: str = "ask") -> tuple[User, User, str, str]:
    """Create a team and a request to join it. Returns owner, requester, and the paths of team and request."""
    owner, person = org.new_user(), org.new_user()
    path = f"/teams/{owner.create_team(name, join_policy='request')['id']}"
    request = person.call("POST", f"{path}/join")["userJoinRequest"]
    return owner, person, path, f"{path}/join-requests/{request['id']}"


def test_moderators_see_all_requests_and_others_their_own(org: Organization) -> None:
    """Moderators see every pending request, oldest first; other members see their own."""
    owner, first, path, _ = create_request(org)
    second, third = org.new_user(), org.new_user()
    second.call("POST", f"{path}/join")
    for moderator in (owner, org.admin):
        requests = moderator.call("GET", f"{path}/join-requests")
        assert [request["user_id"] for request in requests] == [first.id, second.id]
        shown = {"user_id": first.id, "username": first.member.username, "name": "Jane Doe"}
        assert requests[0]["user"] == shown | {"avatar_path": None, "actor_type": "base"}
        assert {"id", "team_id", "status", "created_at"} <= set(requests[0])
    assert [request["user_id"] for request in second.call("GET", f"{path}/join-requests")] == [second.id]
    assert third.call("GET", f"{path}/join-requests") == []
    assert_exchange_error(org.new_outsider().client.get(f"{path}/join-requests"), 404, "not_found")


def test_requests_are_paged(org: Organization) -> None:
    """Pages of requests show each once, with an exact `hasMore`."""
    owner, _, path, _ = create_request(org)
    for _ in range(2):
        org.new_user().call("POST", f"{path}/join")
    seen = []
    for offset in range(3):
        page = owner.client.get(f"{path}/join-requests", params={"offset": offset, "limit": 1}).json()
        assert page["pagination"]["hasMore"] is (offset < 2)
        seen += [request["id"] for request in page["data"]]
    assert len(set(seen)) == 3
    assert_exchange_error(owner.client.get(f"{path}/join-requests?limit=0"), 400, "invalid_request")


def test_approve(org: Organization) -> None:
    """An approved person becomes a member with the default role and is notified; nothing is pending."""
    owner, person, path, request = create_request(org)
    assert owner.call("POST", f"{request}/approve", json={}) is None
    team = person.call("GET", path)
    assert (team["joinStatus"], team["userMembership"]["role"]) == ("joined", "write")
    assert (team["userJoinRequest"], team["join_request_pending"]) == (None, False)
    assert owner.call("GET", f"{path}/join-requests") == []
    assert person.notification_texts(org.server) == ["Your request to join the team ask was approved."]
    assert org.audit_actions(path[7:]) == ["team.create", "team-request.create", "team-request.approve"]


def test_reject(org: Organization) -> None:
    """A rejected person is notified, sees the decision, and may send a new request."""
    owner, person, path, request = create_request(org)
    assert org.admin.call("POST", f"{request}/reject") is None
    team = person.call("GET", path)
    assert (team["joinStatus"], team["join_request_pending"]) == ("none", False)
    assert team["userJoinRequest"]["status"] == "rejected"
    assert team["userJoinRequest"]["reviewed_at"]
    assert person.notification_texts(org.server) == ["Your request to join the team ask was rejected."]
    again = person.call("POST", f"{path}/join")["userJoinRequest"]
    assert again["id"] not in request
    assert again["status"] == "pending"
    assert_exchange_error(owner.client.post(f"{request}/approve"), 404, "not_found")
    assert org.audit_actions(path[7:])[1:] == ["team-request.create", "team-request.reject", "team-request.create"]


@pytest.mark.parametrize("verb", ["approve", "reject"])
def test_only_moderators_decide(org: Organization, verb: str) -> None:
    """Plain members, the requester, strangers and moderators of another team cannot decide a request."""
    owner, person, path, request = create_request(org)
    other = org.new_user()
    foreign = f"/teams/{other.create_team('other')['id']}/join-requests/{request.rpartition('/')[2]}"
    for user in (person, other):
        assert_exchange_error(user.client.post(f"{request}/{verb}"), 403, "forbidden")
    assert_exchange_error(org.new_outsider().client.post(f"{request}/{verb}"), 404, "not_found")
    assert_exchange_error(other.client.post(f"{foreign}/{verb}"), 404, "not_found")
    assert_exchange_error(owner.client.post(f"{path}/join-requests/{uuid4()}/{verb}"), 404, "not_found")
    assert_exchange_error(owner.client.post(f"{path}/join-requests/x/{verb}"), 400, "invalid_request")
    assert person.call("GET", path)["joinStatus"] == "pending"


def test_request_ends_with_the_membership(org: Organization) -> None:
    """A request disappears when its person leaves the organization."""
    owner, person, path, request = create_request(org)
    org.remove_member(person)
    assert owner.call("GET", f"{path}/join-requests") == []
    assert_exchange_error(owner.client.post(f"{request}/approve"), 404, "not_found")


@pytest.mark.parametrize("verbs", [("approve", "approve"), ("reject", "reject"), ("approve", "reject")])
def test_request_is_decided_once(org: Organization, verbs: tuple[str, str]) -> None:
    """Of two concurrent decisions the first counts; the other one and later ones are 409."""
    owner, person, path, request = create_request(org)
    calls = [(owner, "POST", f"{request}/{verbs[0]}", {}), (org.admin, "POST", f"{request}/{verbs[1]}", {})]
    assert run_overlapping(org.server, calls) == [200, 409]
    assert person.call("GET", path)["joinStatus"] == ("joined" if verbs[0] == "approve" else "none")
    assert len(person.notification_texts(org.server)) == 1
    assert len(org.audit_actions(path[7:])) == 3
    assert_exchange_error(owner.client.post(f"{request}/approve"), 409, "conflict")


def test_concurrent_approval_and_ban(org: Organization) -> None:
    """A person who is approved and banned concurrently is banned, whichever came first."""
    for order, statuses in ((1, [200, 200]), (-1, [200, 409])):
        owner, person, path, request = create_request(org, f"ask-{statuses[1]}")
        calls = [
            (owner, "POST", f"{request}/approve", {}),
            (org.admin, "POST", f"{path}/bans", {"user_id": person.id}),
        ]
        assert run_overlapping(org.server, calls[::order]) == statuses
        assert person.call("GET", path)["joinStatus"] == "banned"
        assert owner.call("GET", f"{path}/join-requests") == []


def test_approval_while_leaving_the_organization(org: Organization) -> None:
    """A person who is approved while leaving the organization is in none of its teams, and nothing blocks."""
    owner, person, path, request = create_request(org)

    async def leave_meanwhile() -> int:
        connection = await asyncpg.connect(org.server.postgres_url)
        try:
            async with connection.transaction():
                await connection.execute("delete from membership where person_id = $1", person.id)
                answer = asyncio.get_running_loop().run_in_executor(None, owner.client.post, f"{request}/approve")
                await asyncio.wait([answer], timeout=0.5)
            return (await answer).status_code
        finally:
            await connection.close()

    assert asyncio.run(leave_meanwhile()) == 404
    assert owner.call("GET", path)["memberCount"] == 1
    assert org.server.query("select from team_join_request where person_id = $1", person.id) == []


def test_leaving_the_organization_while_approved(org: Organization) -> None:
    """A person who leaves the organization while being approved is in none of its teams."""
    owner, person, path, request = create_request(org)
    membership = f"/organizations/{org.id}/members/{person.id}"
    calls = [(owner, "POST", f"{request}/approve", {}), (org.admin, "DELETE", membership, None)]
    assert run_overlapping(org.server, calls) == [200, 200]
    assert owner.call("GET", path)["memberCount"] == 1
