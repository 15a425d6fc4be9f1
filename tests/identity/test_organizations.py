"""Organizations of the exchange dialect: visibility, names, and rights to create and change them."""

import secrets
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from _support.clients import exchange_client
from _support.members import Member
from _support.responses import assert_exchange_error
from _support.server_log import assert_no_errors_logged
from _support.servers import Server

PERSONAL_CONTEXT = "00000000-0000-0000-0000-000000000000"
UNKNOWN = "0190a3c2-0000-7000-8000-000000000000"
FIELDS = [
    "id",
    "name",
    "display_name",
    "mission",
    "website_url",
    "avatar_path",
    "join_policy",
    "visibility",
    "source_policy",
    "actor_type_policy",
    "membership",
    "membershipType",
    "userRole",
    "default_team",
    "join_request_pending",
    "created_at",
    "last_updated",
]


def new_name() -> str:
    """Return a slug that is not taken."""
    return f"org-{secrets.token_hex(6)}"


def unbound_key(server: Server, member: Member) -> str:
    """Return a key of a member that is bound to no organization."""
    return server.new_key(member).key


def create(client: httpx.Client, **fields: Any) -> dict[str, Any]:
    """Create an organization with the client's person as its administrator."""
    response = client.post("/organizations/create", json={"organization": {"name": new_name(), **fields}})
    assert response.status_code == 200, response.text
    return dict(response.json()["data"])


@pytest.fixture
def owner(server: Server, member: Member) -> Any:
    """A client of a person who may create organizations."""
    with exchange_client(server, unbound_key(server, member)) as client:
        yield client


@pytest.fixture
def stranger(server: Server) -> Any:
    """A client of a person in another organization."""
    with exchange_client(server, unbound_key(server, server.new_member())) as client:
        yield client


def test_own_organization(server: Server, member: Member, owner: httpx.Client) -> None:
    """A member sees their organization with their membership and its default team, in a list and alone."""
    shown = owner.get(f"/organizations/{member.organization}").json()["data"]
    assert list(shown) == FIELDS
    assert (shown["id"], shown["display_name"]) == (member.organization, "Org")
    assert shown["name"].startswith("org")
    assert shown["membership"] == {"role": "member", "membership_type": "internal"}
    assert (shown["userRole"], shown["membershipType"]) == ("member", "internal")
    team = shown["default_team"]
    assert list(team) == ["id", "org_id", "name"]
    assert team["org_id"] == member.organization
    assert server.query("select is_default from team where id = $1", team["id"])[0][0]
    page = owner.get("/organizations/user").json()
    assert page["data"] == [shown]
    assert page["pagination"] == {"offset": 0, "limit": 200, "total": 1, "hasMore": False, "nextCursor": None}


def test_own_organizations_are_paged_by_name(owner: httpx.Client, member: Member) -> None:
    """A person's organizations are listed by display name, in pages that show each once."""
    for letter in "cAb":
        create(owner, display_name=f"{letter} paper")
    names, offset, more = [], 0, True
    while more:
        page = owner.get("/organizations/user", params={"limit": 2, "offset": offset}).json()
        assert len(page["data"]) <= 2
        names += [found["display_name"] for found in page["data"]]
        more, offset = page["pagination"]["hasMore"], offset + 2
    assert names == ["A paper", "b paper", "c paper", "Org"]
    assert offset == 4
    for query in ("limit=0", "limit=201", "offset=-1", "limit=x", "offset=1&offset=2"):
        assert_exchange_error(owner.get(f"/organizations/user?{query}"), 400, "invalid_request")


def test_discoverable_organizations(owner: httpx.Client, stranger: httpx.Client) -> None:
    """People discover the public organizations that they are not a member of, and no others."""
    public = create(owner, visibility="public", mission="Print.")
    hidden = create(owner)

    def discovered(client: httpx.Client) -> dict[str, dict[str, Any]]:
        found, offset, more = {}, 0, True
        while more:
            page = client.get("/organizations/discoverable", params={"offset": offset}).json()
            found |= {listed["id"]: listed for listed in page["data"]}
            more, offset = page["pagination"]["hasMore"], offset + 200
        return found

    seen = discovered(stranger)[public["id"]]
    assert seen["mission"] == "Print."
    assert seen["membership"] is seen["userRole"] is seen["membershipType"] is seen["default_team"] is None
    assert hidden["id"] not in discovered(stranger)
    assert not {public["id"], hidden["id"]} & set(discovered(owner))


def test_hidden_organization_is_not_found(owner: httpx.Client, stranger: httpx.Client) -> None:
    """To strangers, an organization that is not public looks as if it did not exist, on every route."""
    hidden = create(owner, join_policy="open")
    for organization in (hidden["id"], UNKNOWN):
        path = f"/organizations/{organization}"
        for response in (
            stranger.get(path),
            stranger.put(path, json={"organization": {"mission": "Mine."}}),
            stranger.post(f"{path}/join", json={}),
            stranger.get(f"{path}/join-requests"),
            stranger.post(f"{path}/join-requests/{UNKNOWN}/approve", json={}),
            stranger.post(f"{path}/join-requests/{UNKNOWN}/reject", json={}),
            stranger.get(f"{path}/members"),
            stranger.post(f"{path}/members", json={"username": "admin"}),
            stranger.put(f"{path}/members/admin", json={"role": "admin"}),
            stranger.delete(f"{path}/members/admin"),
        ):
            error = assert_exchange_error(response, 404, "not_found")
            assert error["message"] == "There is no such organization."
    assert_exchange_error(stranger.get(f"/organizations/by-name/{hidden['name']}"), 404, "not_found")


def test_context(server: Server, member: Member, owner: httpx.Client) -> None:
    """The context is the key's organization, the one that a header names, or the zero UUID, called all."""
    alone = owner.get("/organizations/context").json()["data"]
    assert list(alone) == FIELDS
    assert (alone["id"], alone["name"], alone["default_team"]["id"]) == (PERSONAL_CONTEXT, "all", PERSONAL_CONTEXT)
    assert owner.get(f"/organizations/{PERSONAL_CONTEXT}").json()["data"] == alone
    assert owner.get("/organizations/by-name/all").json()["data"] == alone
    named = owner.get("/organizations/context", headers={"x-ouro-org": member.organization}).json()["data"]
    assert named["id"] == member.organization
    with exchange_client(server, member.key) as bound:
        assert bound.get("/organizations/context").json()["data"] == named


def test_names(owner: httpx.Client, stranger: httpx.Client) -> None:
    """An organization is found by its slug and its exact display name, including slashes and spaces."""
    title = f"The A/B Gazette & Söhne {secrets.token_hex(4)}"
    made = create(owner, display_name=title, visibility="public")
    for client in (owner, stranger):
        for name in (made["name"], title):
            found = client.get(f"/organizations/by-name/{name}")
            assert found.json()["data"]["id"] == made["id"], name
        for name in (title.lower(), made["name"].upper(), made["name"] + "x", "%00", "%ff", "x" * 5000):
            response = client.get(f"/organizations/by-name/{name}")
            assert response.status_code in (400, 404), response.text


def test_own_organization_is_found_first(owner: httpx.Client, stranger: httpx.Client) -> None:
    """A name that several organizations have leads to the caller's own one."""
    mine = create(owner, display_name=new_name())
    theirs = create(stranger, name=mine["display_name"], visibility="public")
    for client, expected in ((owner, mine), (stranger, theirs)):
        found = client.get(f"/organizations/by-name/{mine['display_name']}").json()["data"]
        assert found["id"] == expected["id"]


def test_create(server: Server, member: Member, owner: httpx.Client) -> None:
    """The creator of an organization is its administrator; every field is stored, and the audit trail records both."""
    fields = {
        "name": new_name(),
        "display_name": "  The Gazette ",
        "mission": "Print what is true.",
        "website_url": "https://gazette.example/about?x=1",
        "avatar_path": "avatars/gazette.png",
        "join_policy": "request",
        "visibility": "public",
        "source_policy": "api_only",
        "actor_type_policy": "verified_only",
    }
    made = create(owner, **fields)
    assert made == made | fields | {"display_name": "The Gazette", "userRole": "admin"}
    assert owner.get(f"/organizations/{made['id']}").json()["data"] == made
    events = server.query(
        "select action, actor_id, actor_key_id, address, subject_id from audit_event where organization_id = $1"
        " order by created_on, id",
        made["id"],
    )
    assert [event["action"] for event in events] == ["organization.create", "member.add"]
    assert [str(event["subject_id"]) for event in events] == [made["id"], member.person]
    assert {str(event["actor_id"]) for event in events} == {member.person}
    assert all(event["actor_key_id"] and event["address"] == "127.0.0.1" for event in events)


def test_derived_names(owner: httpx.Client) -> None:
    """A missing slug is derived from the display name, with a suffix if it is taken, and the other way round."""
    title = f"Zeitung für Köln {secrets.token_hex(4)}"
    plain = "zeitung-f-r-k-ln-" + title[-8:]
    first, second = (
        owner.post("/organizations/create", json={"organization": {"display_name": title}}).json()["data"]
        for _ in range(2)
    )
    assert first["name"] == plain
    assert second["name"] == f"{plain}-{second['id'][-12:]}"
    for title in ("ALL", "新聞"):
        made = owner.post("/organizations/create", json={"organization": {"display_name": title}}).json()["data"]
        assert (made["display_name"], made["name"][:3]) == (title, "org")
    assert create(owner, name=(slug := new_name()))["display_name"] == slug


def test_taken_name_is_a_conflict(owner: httpx.Client, stranger: httpx.Client) -> None:
    """A slug belongs to the first who takes it, also under concurrency."""
    body = {"organization": {"name": new_name()}}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: (owner, stranger)[n % 2].post("/organizations/create", json=body), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
    for answer in answers:
        if answer.status_code == 409:
            assert_exchange_error(answer, 409, "duplicate")


def test_concurrent_namesakes(server: Server, owner: httpx.Client) -> None:
    """Organizations of one display name that are created concurrently all get different slugs."""
    body = {"organization": {"display_name": f"Namesake {secrets.token_hex(4)}"}}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: owner.post("/organizations/create", json=body), range(8)))
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["data"]["name"] for answer in answers}) == 8
    assert_no_errors_logged(server)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"display_name": " "},
        {"display_name": None},
        {"display_name": "x" * 201},
        {"display_name": "a\0b"},
        {"name": "The Gazette"},
        {"name": "a--b"},
        {"name": "a\n"},
        {"name": "all"},
        {"name": "a" * 65},
        {"name": 1},
        {"name": "fine", "visibility": "private"},
        {"name": "fine", "join_policy": None},
        {"name": "fine", "source_policy": "fax_only"},
        {"name": "fine", "actor_type_policy": ""},
        {"name": "fine", "mission": "x" * 10_001},
        {"name": "fine", "website_url": "javascript:alert(1)"},
        {"name": "fine", "website_url": "no address"},
        {"name": "fine", "avatar_path": ""},
    ],
    ids=str,
)
def test_invalid_organization_is_rejected(owner: httpx.Client, fields: dict[str, Any]) -> None:
    """An invalid organization is 400 and is not created."""
    assert_exchange_error(owner.post("/organizations/create", json={"organization": fields}), 400, "invalid_request")
    assert owner.get("/organizations/user").json()["pagination"]["total"] == 1


def test_update(server: Server, owner: httpx.Client) -> None:
    """An administrator changes the given fields only, null clears, and the audit trail has what changed."""
    made = create(owner, mission="Print.", website_url="gazette.example")
    path = f"/organizations/{made['id']}"
    changes = {"display_name": "Renamed", "mission": None, "visibility": "public", "website_url": "gazette.example"}
    changed = owner.put(path, json={"organization": {**changes, "name": "ignored", "unknown": 1}}).json()["data"]
    assert changed == made | changes | {"last_updated": changed["last_updated"]}
    assert changed["last_updated"] > made["last_updated"]
    for nothing in ({}, changes):
        assert owner.put(path, json={"organization": nothing}).json()["data"] == changed
    ((details,),) = server.query(
        "select details::text from audit_event where organization_id = $1 and action = 'organization.update'",
        made["id"],
    )
    assert "Renamed" in details
    assert "website_url" not in details
    for bad in ({"display_name": None}, {"visibility": "secret"}, {"mission": 1}, {"display_name": ""}):
        assert_exchange_error(owner.put(path, json={"organization": bad}), 400, "invalid_request")


def test_only_administrators_change(
    server: Server, member: Member, owner: httpx.Client, stranger: httpx.Client
) -> None:
    """Plain members, and strangers to a public organization, get 403 and change nothing."""
    made = create(owner, visibility="public")
    body = {"organization": {"mission": "Mine."}}
    assert_exchange_error(stranger.put(f"/organizations/{made['id']}", json=body), 403, "forbidden")
    assert_exchange_error(owner.put(f"/organizations/{member.organization}", json=body), 403, "forbidden")
    assert owner.get(f"/organizations/{made['id']}").json()["data"]["mission"] is None


def test_bound_key_stays_in_its_organization(server: Server, member: Member, owner: httpx.Client) -> None:
    """A key that is bound to one organization changes no other one of its person, and creates none."""
    hidden, public = create(owner), create(owner, visibility="public")
    with exchange_client(server, member.key) as bound:
        for other in (hidden, public):
            path = f"/organizations/{other['id']}"
            for response in (
                bound.put(path, json={"organization": {"mission": "Mine."}}),
                bound.post(f"{path}/join", json={}),
                bound.post(f"{path}/join-requests/{UNKNOWN}/approve", json={}),
                bound.post(f"{path}/members", json={"username": "admin"}),
                bound.put(f"{path}/members/{member.username}", json={"role": "member"}),
                bound.delete(f"{path}/members/{member.username}"),
            ):
                assert_exchange_error(response, 403, "api_key_org_mismatch")
            assert_exchange_error(bound.get(f"{path}/members"), 404, "not_found")
        assert_exchange_error(bound.get(f"/organizations/{hidden['id']}/join-requests"), 404, "not_found")
        assert_exchange_error(bound.get(f"/organizations/{public['id']}/join-requests"), 403, "forbidden")
        made = bound.post("/organizations/create", json={"organization": {"name": new_name()}})
        assert_exchange_error(made, 403, "api_key_org_mismatch")
        assert [listed["id"] for listed in bound.get("/organizations/user").json()["data"]] == [member.organization]
        assert_exchange_error(bound.get(f"/organizations/{hidden['id']}"), 404, "not_found")
        assert bound.get(f"/organizations/{public['id']}").json()["data"]["membership"] is None
    key = server.new_key(member, organization=hidden["id"]).key
    with exchange_client(server, key) as bound:
        changed = bound.put(f"/organizations/{hidden['id']}", json={"organization": {"mission": "Ours."}})
        assert changed.json()["data"]["mission"] == "Ours."


def test_scopes(server: Server) -> None:
    """Reading needs organizations:read and changing organizations:write: 403 without them, 401 without a token."""
    member = server.new_member(scopes="organizations:read")
    path = f"/organizations/{member.organization}"
    with exchange_client(server, member.key) as client:
        assert client.get(path).status_code == 200
        error = assert_exchange_error(client.put(path, json={"organization": {}}), 403, "forbidden")
        assert error["details"] == {"scope": "organizations:write"}
    with exchange_client(server, server.new_member(scopes="organizations:write").key) as client:
        assert_exchange_error(client.get("/organizations/user"), 403, "forbidden")
    with server.client("") as anonymous:
        assert_exchange_error(anonymous.get(path), 401, "unauthenticated")


def test_malformed_id_is_rejected(owner: httpx.Client) -> None:
    """An id that is not a UUID is 400."""
    for path in (
        "/organizations/gazette",
        "/organizations/123",
        f"/organizations/{UNKNOWN}x",
        "/organizations/x/members",
    ):
        assert_exchange_error(owner.get(path), 400, "invalid_request")
    assert owner.get(f"/organizations/{UNKNOWN.upper()}").status_code == 404
