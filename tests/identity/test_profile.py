"""Profiles, plans, and the impact of people without assets."""

import uuid
from collections.abc import Iterator
from datetime import datetime

import httpx
import pytest

from _support.clients import exchange_client
from _support.members import Member
from _support.responses import assert_exchange_error
from _support.servers import Server

UNKNOWN = "0190a3c2-0000-7000-8000-000000000000"
COUNTERS = {
    *("assets", "views", "comments", "reactions", "downloads", "earnings_btc", "earnings_usd"),
    *("quality_views", "external_comments", "external_reactions", "uses"),
}


@pytest.fixture
def me(server: Server, member: Member) -> Iterator[httpx.Client]:
    """A client with the member's token."""
    with exchange_client(server, member.key) as client:
        yield client


def test_own_profile(me: httpx.Client, member: Member) -> None:
    """The caller's own profile has the reference's fields and no email address."""
    response = me.get("/user/profile")
    assert response.status_code == 200, response.text
    profile = response.json()["data"]
    assert response.json()["error"] is None
    assert profile["id"] == profile["user_id"] == member.person
    assert profile["username"] == member.username
    assert (profile["name"], profile["actor_type"], profile["plan_type"]) == ("Jane Doe", "base", "self-hosted")
    assert (profile["followers"], profile["following"]) == (0, 0)
    assert (profile["isSelf"], profile["isFollowing"], profile["isFollowed"]) == (True, False, False)
    assert datetime.fromisoformat(profile["created_at"]).tzinfo is not None
    assert "email" not in profile


def test_last_active_is_the_last_use_of_a_key(server: Server, me: httpx.Client, member: Member) -> None:
    """A person was last active when any of their keys was last used."""
    server.query(
        "insert into api_key_use values ($1, '2026-01-02T03:04:05Z') "
        "on conflict (api_key_id) do update set last_used_on = excluded.last_used_on",
        uuid.UUID(member.key_id),
    )
    shown = me.get("/user/profile").json()["data"]["last_active"]
    assert datetime.fromisoformat(shown) >= datetime.fromisoformat("2026-01-02T03:04:05+00:00")


def test_person_by_username_or_id(server: Server, me: httpx.Client) -> None:
    """A username in any case and an id lead to the same profile, also of a member of another organization."""
    other = server.new_member()
    by_name = me.get(f"/users/{other.username}").json()["data"]
    assert by_name["user_id"] == other.person
    assert by_name["isSelf"] is False
    for name in (other.username.upper(), other.person, other.person.upper()):
        assert me.get(f"/users/{name}").json()["data"] == by_name


@pytest.mark.parametrize("name", ["nobody-at-all", UNKNOWN, "%00", "J%C3%B6rg", "x" * 300, "%20", "a b", "'--"])
def test_unknown_people_are_404(me: httpx.Client, name: str) -> None:
    """A name or id that does not exist is 404 on every path of a person."""
    for response in (
        me.get(f"/users/{name}"),
        me.get(f"/users/{name}/impact"),
        me.get(f"/users/{name}/follows"),
        me.put(f"/users/{name}/follow"),
    ):
        assert_exchange_error(response, 404, "not_found")


def test_change_of_profile(me: httpx.Client, api: httpx.Client) -> None:
    """Name and bio change together or alone, and null clears them; the media dialect shows the same name."""
    changed = me.put("/user/profile", json={"user": {"name": "  Ada   King Lovelace ", "bio": "Counts.\n"}})
    assert changed.status_code == 200, changed.text
    assert (changed.json()["data"]["name"], changed.json()["data"]["bio"]) == ("Ada King Lovelace", "Counts.\n")
    assert me.get("/user").json()["data"]["name"] == "Ada King Lovelace"
    (user,) = api.get("/v1/users").json()["items"]
    assert (user["firstname"], user["lastname"]) == ("Ada", "King Lovelace")
    alone = me.put("/user/profile", json={"user": {"bio": None}}).json()["data"]
    assert (alone["name"], alone["bio"]) == ("Ada King Lovelace", None)
    assert me.put("/user/profile", json={"user": {"name": None}}).json()["data"]["name"] is None
    assert me.put("/user/profile", json={"user": {}}).json()["data"] == me.get("/user/profile").json()["data"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{}",
        b'{"user": null}',
        b'{"user": {"name": 1}}',
        b'{"user": {"bio": ["x"]}}',
        b'{"user": {"name": "a\\u0000b"}}',
        b'{"user": {"bio": "\\u0000"}}',
        b'{"user": {"name": "' + b"x" * 201 + b'"}}',
        b'{"user": {"bio": "' + b"x" * 4001 + b'"}}',
    ],
)
def test_invalid_change_is_rejected(me: httpx.Client, body: bytes) -> None:
    """An invalid name or bio is rejected and changes nothing."""
    before = me.get("/user/profile").json()["data"]
    response = me.put("/user/profile", content=body, headers={"content-type": "application/json"})
    assert_exchange_error(response, 400, "invalid_request")
    assert me.get("/user/profile").json()["data"] == before


def test_plan(me: httpx.Client) -> None:
    """A self-hosted server sets no limits, and counts usage."""
    plan = me.get("/user/plan-info").json()["data"]
    assert plan["planType"] == "self-hosted"
    assert plan["limits"]["canCreatePrivateAssets"] is plan["limits"]["canMonetize"] is True
    assert (
        plan["limits"]["maxStorageBytes"] == plan["limits"]["maxAssets"] == plan["limits"]["maxDatasets"] == 2**53 - 1
    )
    used = {"organizations": 1, "apiKeys": 1, "assets": 0, "datasets": 0, "storage": 0}
    assert plan["usage"] == {name: {"used": number, "limit": 2**53 - 1} for name, number in used.items()}


def test_impact_of_no_assets(me: httpx.Client, member: Member) -> None:
    """The impact of a person without assets is 0 in every counter, since the requested time."""
    query = {"since": "2026-01-31", "limit": "5", "asset_ids": f"{uuid.uuid4()},{uuid.uuid4()}"}
    impact = me.get(f"/users/{member.username}/impact", params=query).json()["data"]
    assert impact["user_id"] == member.person
    assert datetime.fromisoformat(impact["since"]) == datetime.fromisoformat("2026-01-31T00:00:00+00:00")
    assert impact["aggregate"] == dict.fromkeys(COUNTERS, 0)
    assert impact["assets"] == []
    assert me.get(f"/users/{member.person}/impact").json()["data"]["since"] is None


@pytest.mark.parametrize(
    "query",
    [
        {"since": "yesterday"},
        {"since": ""},
        {"limit": "0"},
        {"limit": "201"},
        {"asset_ids": "x"},
        {"asset_ids": ",".join(str(uuid.uuid4()) for _ in range(201))},
    ],
)
def test_invalid_impact_query_is_rejected(me: httpx.Client, member: Member, query: dict[str, str]) -> None:
    """An invalid parameter is rejected, not ignored."""
    (name,) = query
    error = assert_exchange_error(me.get(f"/users/{member.username}/impact", params=query), 400, "invalid_request")
    assert error["details"]["field"] == name


@pytest.mark.parametrize("name", ["search", "get-token", UNKNOWN])
def test_reserved_usernames(server: Server, name: str) -> None:
    """A username cannot be a word that has another meaning in paths under `/users/`."""
    result = server.run_admin("create-user", name)
    assert result.returncode == 1
    assert "is not a valid username" in result.stdout + result.stderr


def test_read_scope_changes_nothing(server: Server) -> None:
    """A key that may only read people can neither change a profile nor follow."""
    narrow, other = server.new_member(scopes="users:read"), server.new_member()
    with exchange_client(server, narrow.key) as client:
        assert client.get("/user/profile").status_code == 200
        assert_exchange_error(client.put("/user/profile", json={"user": {"name": "X"}}), 403, "forbidden")
        assert_exchange_error(client.put(f"/users/{other.username}/follow"), 403, "forbidden")
