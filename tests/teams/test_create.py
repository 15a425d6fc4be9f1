"""`POST /teams/create`: who can create teams, and valid names."""

from typing import Any

import pytest

from _support.concurrency import run_overlapping
from _support.organizations import Organization
from _support.responses import assert_exchange_error

ZERO_ID = "00000000-0000-0000-0000-000000000000"
TEAM = {
    "id", "name", "slug", "org_id", "organization", "visibility", "default_role", "join_policy", "source_policy",
    "actor_type_policy", "description", "is_default", "memberCount", "userMembership", "userJoinRequest", "joinStatus",
    "join_request_pending", "canModerate", "metrics", "created_at", "last_updated",
}  # fmt: skip


def test_creator_is_administrator(org: Organization) -> None:
    """The creator administers the team; it has the contract's fields, and missing policies are inherited."""
    creator = org.new_user()
    team = creator.create_team("deep-sea-2", org_id=org.id, description="*Far* down")
    assert set(team) == TEAM
    assert (team["name"], team["slug"], team["org_id"]) == ("deep-sea-2", "deep-sea-2", org.id)
    assert set(team["organization"]) >= {"id", "name", "join_policy", "source_policy", "actor_type_policy"}
    assert (team["visibility"], team["default_role"], team["description"]) == ("organization", "write", "*Far* down")
    assert team["join_policy"] is team["source_policy"] is team["actor_type_policy"] is None
    assert (team["memberCount"], team["joinStatus"], team["canModerate"]) == (1, "joined", True)
    assert (team["userMembership"]["user_id"], team["userMembership"]["role"]) == (creator.id, "admin")
    assert team["userMembership"]["membership_type"] == "internal"
    assert (team["metrics"], team["is_default"], team["join_request_pending"]) == ({}, False, False)
    assert org.audit_actions(team["id"]) == ["team.create"]


def test_every_field_is_stored(org: Organization) -> None:
    """Visibility, role and policies are stored as given; a description may be rich text."""
    fields = {
        "visibility": "public",
        "default_role": "read",
        "join_policy": "open",
        "source_policy": "api_only",
        "actor_type_policy": "agents_only",
    }
    rich = {"text": "**Bold**", "json": {"type": "doc", "content": []}}
    team = org.new_user().create_team("all-of-it", description=rich, **fields)
    assert {name: team[name] for name in fields} == fields
    assert team["description"] == "**Bold**"
    assert team["org_id"] == org.id


@pytest.mark.parametrize(
    "name", ["", "Deep", "deep sea", "-deep", "deep-", "deep--sea", "deep_sea", "tief-süß", "a" * 65, "deep\n", "a\0"]
)
def test_name_is_a_slug(org: Organization, name: str) -> None:
    """A name that is not a slug is 400 naming the field."""
    response = org.admin.client.post("/teams/create", json={"team": {"name": name}})
    assert assert_exchange_error(response, 400, "invalid_request")["details"]["field"] == "team.name"


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"team": None},
        {"team": {}},
        {"team": {"name": None}},
        {"team": {"name": 7}},
        {"team": {"name": "a", "org_id": "x"}},
        {"team": {"name": "a", "visibility": "secret"}},
        {"team": {"name": "a", "visibility": None}},
        {"team": {"name": "a", "default_role": "admin"}},
        {"team": {"name": "a", "join_policy": "maybe"}},
        {"team": {"name": "a", "source_policy": "none"}},
        {"team": {"name": "a", "actor_type_policy": 1}},
        {"team": {"name": "a", "description": "x" * 10_001}},
        {"team": {"name": "a", "description": "\0"}},
        {"team": {"name": "a", "description": {"json": {}}}},
        [],
    ],
)
def test_invalid_team_is_rejected(org: Organization, body: Any) -> None:
    """An invalid body is 400."""
    assert_exchange_error(org.admin.client.post("/teams/create", json=body), 400, "invalid_request")


def test_name_is_unique_in_an_organization(org: Organization) -> None:
    """A name that is taken is 409 in its organization, and free in another."""
    org.admin.create_team("deep-sea")
    response = org.new_user().client.post("/teams/create", json={"team": {"name": "deep-sea"}})
    assert_exchange_error(response, 409, "duplicate")
    org.new_outsider().create_team("deep-sea")


def test_concurrent_creation(org: Organization) -> None:
    """Of several concurrent requests for one name, one succeeds and the others get 409."""
    people = [org.new_user() for _ in range(4)]
    calls = [(person, "POST", "/teams/create", {"team": {"name": "rush"}}) for person in people]
    assert run_overlapping(org.server, calls) == [200, 409, 409, 409]


def test_other_organizations_are_forbidden(org: Organization) -> None:
    """Nobody creates a team in an organization of which they are not a member or to which their key is not bound."""
    stranger = org.new_outsider()
    body = {"team": {"name": "spies", "org_id": org.id}}
    assert_exchange_error(stranger.client.post("/teams/create", json=body), 403, "api_key_org_mismatch")
    unbound = org.with_unbound_key(stranger)
    assert_exchange_error(unbound.client.post("/teams/create", json=body), 403, "forbidden")
    body["team"]["org_id"] = ZERO_ID
    assert_exchange_error(unbound.client.post("/teams/create", json=body), 403, "forbidden")
    nowhere = unbound.client.post("/teams/create", json={"team": {"name": "spies"}})
    assert assert_exchange_error(nowhere, 400, "invalid_request")["details"]["field"] == "team.org_id"


def test_unbound_key_names_the_organization(org: Organization) -> None:
    """A request with an unbound key names the organization in the body or with X-Ouro-Org."""
    unbound = org.with_unbound_key(org.new_user())
    assert unbound.create_team("by-body", org_id=org.id)["org_id"] == org.id
    context = {"x-ouro-org": org.id}
    team = unbound.call("POST", "/teams/create", json={"team": {"name": "by-header"}}, headers=context)
    assert team["org_id"] == org.id


def test_key_without_the_scope_changes_nothing(org: Organization) -> None:
    """A key that may only read teams cannot create one."""
    reader = org.new_user(scopes="teams:read")
    response = reader.client.post("/teams/create", json={"team": {"name": "mine"}})
    assert_exchange_error(response, 403, "forbidden")
    assert len(reader.call("GET", "/teams")) == 1
