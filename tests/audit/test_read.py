"""Reading the audit trail: as an administrator, as the person concerned, and as the operator."""

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from _support.clients import exchange_client
from _support.members import Member
from _support.responses import assert_exchange_error
from _support.servers import HALLMARKET, Server

UNKNOWN = "0190a3c2-0000-7000-8000-000000000000"
SHOWN = [
    "id",
    "created_at",
    "organization_id",
    "action",
    "actor",
    "actor_key",
    "address",
    "subject_id",
    "subject",
    "details",
]
COUNT = 22
THING = "0190a3c2-0000-7000-8000-00000000000a"


def promote(server: Server, member: Member, role: str = "admin") -> None:
    """Change a member's role in their organization, in the database, which records no event."""
    server.query("update membership set role = $2 where person_id = $1", member.person, role)


@pytest.fixture
def chief(server: Server) -> Member:
    """An administrator of a new organization."""
    made = server.new_member()
    promote(server, made)
    return made


@pytest.fixture
def client(server: Server, chief: Member) -> Iterator[httpx.Client]:
    """An HTTP client with the administrator's token."""
    with exchange_client(server, chief.key) as made:
        yield made


def read(client: httpx.Client, path: str, **query: object) -> dict[str, Any]:
    """Return one page of an audit trail."""
    response = client.get(path, params={name: str(value) for name, value in query.items()})
    assert response.status_code == 200, response.text
    assert response.json()["error"] is None
    return dict(response.json())


def trail_path(member: Member) -> str:
    """Return the path of an organization's audit trail."""
    return f"/organizations/{member.organization}/audit"


def walk(client: httpx.Client, path: str, **query: object) -> list[str]:
    """Return the ids of all events, by following the cursors."""
    page = read(client, path, **query)
    found = [event["id"] for event in page["data"]]
    while (cursor := page["pagination"]["nextCursor"]) is not None:
        assert page["pagination"]["hasMore"]
        page = read(client, path, **query, **cursor)
        assert page["data"]
        assert (page["pagination"]["total"], page["pagination"]["offset"]) == (None, 0)
        found += [event["id"] for event in page["data"]]
    assert not page["pagination"]["hasMore"]
    return found


def test_fields_of_an_event(server: Server, chief: Member, client: httpx.Client) -> None:
    """An event has its time, action, actor, key, address, subject and details; the operator's has no actor."""
    before = datetime.now(UTC)
    made = client.post("/user/api-keys", json={"name": "scanner", "scopes": ["media:read"]}).json()["data"]
    after = datetime.now(UTC)
    newest, oldest = read(client, trail_path(chief), action="key.create")["data"]
    assert list(newest) == SHOWN
    assert before <= datetime.fromisoformat(newest["created_at"]) <= after
    assert newest | {"id": "", "created_at": ""} == {
        "id": "",
        "created_at": "",
        "organization_id": chief.organization,
        "action": "key.create",
        "actor": {"user_id": chief.person, "username": chief.username},
        "actor_key": {"id": chief.key_id, "prefix": chief.key[:11]},
        "address": "127.0.0.1",
        "subject_id": made["id"],
        "subject": None,
        "details": {
            "user_id": chief.person,
            "username": chief.username,
            "name": "scanner",
            "prefix": made["prefix"],
            "scopes": ["media:read"],
            "expires_on": None,
        },
    }
    assert (oldest["actor"], oldest["actor_key"], oldest["address"]) == (None, None, None)
    assert (oldest["subject_id"], oldest["details"]["username"]) == (chief.key_id, chief.username)
    joined = read(client, trail_path(chief), action="member.add")["data"][0]
    assert joined["subject"] == {"user_id": chief.person, "username": chief.username}


def test_only_administrators_read_an_organizations_trail(server: Server, chief: Member, client: httpx.Client) -> None:
    """Plain members get 403, strangers 404, a key bound elsewhere 403, and a former administrator 403 immediately."""
    colleague = server.new_member(organization=chief.organization)
    with exchange_client(server, colleague.key) as member:
        assert_exchange_error(member.get(trail_path(chief)), 403, "forbidden")
    with exchange_client(server, server.new_member().key) as elsewhere:
        assert_exchange_error(elsewhere.get(trail_path(chief)), 403, "api_key_org_mismatch")
    stranger = server.new_member()
    promote(server, stranger)
    with exchange_client(server, server.new_key(stranger).key) as free:
        messages = {
            assert_exchange_error(free.get(f"/organizations/{other}/audit"), 404, "not_found")["message"]
            for other in (chief.organization, UNKNOWN)
        }
        assert len(messages) == 1
        assert_exchange_error(free.get("/organizations/gazette/audit"), 400, "invalid_request")
        assert free.get(trail_path(stranger)).status_code == 200
    with exchange_client(server, server.new_member(scopes="keys:read").key) as narrow:
        assert_exchange_error(narrow.get("/user/audit"), 403, "forbidden")
    assert client.get(trail_path(chief)).status_code == 200
    promote(server, chief, "member")
    assert_exchange_error(client.get(trail_path(chief)), 403, "forbidden")


def test_trail_of_one_organization(server: Server, chief: Member, client: httpx.Client) -> None:
    """An organization's trail has neither events of other organizations nor personal ones."""
    server.new_member()
    server.new_key(chief)
    events = read(client, trail_path(chief))["data"]
    assert [event["subject_id"] for event in events if event["action"].startswith("key.")] == [chief.key_id]
    assert {event["organization_id"] for event in events} == {chief.organization}


def test_personal_trail(server: Server, member: Member) -> None:
    """Events of unbound keys are in their person's trail, whoever caused them, and in no other."""
    made = server.new_key(member, name="free")
    with exchange_client(server, made.key) as free:
        mine = free.post("/user/api-keys", json={"name": "mine"}).json()["data"]
        free.delete(f"/user/api-keys/{mine['id']}")
        events = [event for event in read(free, "/user/audit")["data"] if event["action"].startswith("key.")]
        assert [(event["action"], event["subject_id"]) for event in events] == [
            ("key.revoke", mine["id"]),
            ("key.create", mine["id"]),
            ("key.create", made.key_id),
        ]
        assert [event["actor"] is None for event in events] == [False, False, True]
        assert {event["organization_id"] for event in events} == {None}
    with exchange_client(server, member.key) as bound:
        assert_exchange_error(bound.get("/user/audit"), 403, "api_key_org_mismatch")
    other = server.new_key(server.new_member()).key
    with exchange_client(server, other) as stranger:
        assert made.key_id not in stranger.get("/user/audit").text


def test_revocation_by_leaving(server: Server, chief: Member, client: httpx.Client) -> None:
    """Each key that a removal revokes has its own event; a key that was revoked earlier gets no second one."""
    leaving = server.new_member(organization=chief.organization)
    dead = server.new_key(leaving, organization=chief.organization).key_id
    server.admin("revoke-key", dead)
    response = client.delete(f"/organizations/{chief.organization}/members/{leaving.username}")
    assert response.status_code == 200, response.text
    events = read(client, trail_path(chief), actor=chief.person)["data"]
    assert {(event["action"], event["subject_id"]) for event in events} == {
        ("member.remove", leaving.person),
        ("key.revoke", leaving.key_id),
    }


@pytest.fixture(scope="module")
def archive(server: Server) -> Iterator[tuple[httpx.Client, Member, list[str]]]:
    """An administrator, and the ids of their organization's many events, newest first; some have the same time."""
    chief = server.new_member()
    promote(server, chief)
    server.query(
        "insert into audit_event (id, created_on, organization_id, actor_id, action, subject_id)"
        " select gen_random_uuid(), '2026-01-01'::timestamptz + n / 3 * interval '1 day', $1, $2,"
        " case when n % 2 = 0 then 'test.even' else 'test.odd' end,"
        " case when n % 5 = 0 then $4::uuid end from generate_series(1, $3::int) n",
        chief.organization,
        chief.person,
        COUNT,
        THING,
    )
    rows = server.query(
        "select id from audit_event where organization_id = $1 order by created_on desc, id desc", chief.organization
    )
    with exchange_client(server, chief.key) as client:
        yield client, chief, [str(row["id"]) for row in rows]


def test_pages_show_every_event_once(archive: tuple[httpx.Client, Member, list[str]]) -> None:
    """Pages by offset and by cursor show every event once, newest first, including ties, with an exact end."""
    client, chief, ids = archive
    count = len(ids)
    assert count > COUNT
    for limit in (1, 5, count - 1, count, count + 1, 200):
        pages = [read(client, trail_path(chief), limit=limit, offset=offset) for offset in range(0, count, limit)]
        assert [event["id"] for page in pages for event in page["data"]] == ids
        assert [page["pagination"]["hasMore"] for page in pages] == [True] * (len(pages) - 1) + [False]
        assert {page["pagination"]["total"] for page in pages} == {count}
        assert walk(client, trail_path(chief), limit=limit) == ids
    beyond = read(client, trail_path(chief), offset=count)
    assert (beyond["data"], beyond["pagination"]["hasMore"], beyond["pagination"]["nextCursor"]) == ([], False, None)


def test_filters_hold_over_pages_and_cursors(archive: tuple[httpx.Client, Member, list[str]]) -> None:
    """Action, actor, subject and time filter counts, pages and cursors, alone and together."""
    client, chief, _ = archive
    path = trail_path(chief)
    even, odd = walk(client, path, action="test.even", limit=3), walk(client, path, action="test.odd", limit=3)
    assert (len(even), len(odd)) == (11, 11)
    assert read(client, path, action="test.even", limit=1)["pagination"]["total"] == 11
    assert set(even) | set(odd) == set(walk(client, path, actor=chief.person, limit=4))
    assert len(walk(client, path, subject=THING)) == 4
    assert len(walk(client, path, subject=chief.key_id)) == 1
    assert len(walk(client, path, subject=THING, action="test.even")) == 2
    assert walk(client, path, actor=UNKNOWN) == walk(client, path, action="nothing.here") == []
    assert len(walk(client, path, until="2026-01-03", limit=2)) == 5
    assert len(walk(client, path, since="2026-01-03", until="2026-01-04T00:00:00Z")) == 3
    assert len(walk(client, path, since="2026-01-03T02:00:00+02:00", until="2026-01-04")) == 3
    later = datetime.now(UTC) + timedelta(days=1)
    assert walk(client, path, since=later.isoformat()) == []


BAD = [
    "action=key",
    "action=Key.Create",
    "action=",
    "actor=jane",
    "subject=x",
    "since=yesterday",
    "until=9999-12-31T23:59:59-14:00",
    "limit=0",
    "limit=201",
    "offset=-1",
    "cursor=",
    "cursor=AAAA",
    "cursor=%C3%BC",
    "action=key.create&action=key.revoke",
    "actor=%00",
]


@pytest.mark.parametrize("query", BAD)
def test_invalid_filters_are_rejected(archive: tuple[httpx.Client, Member, list[str]], query: str) -> None:
    """An invalid filter is 400, never an empty page."""
    client, chief, _ = archive
    assert_exchange_error(client.get(f"{trail_path(chief)}?{query}"), 400, "invalid_request")


def test_new_events_do_not_shift_cursors(chief: Member, client: httpx.Client) -> None:
    """Paging by cursor while events are recorded neither repeats nor misses an event."""
    for number in range(6):
        client.post("/user/api-keys", json={"name": str(number)})
    old = walk(client, trail_path(chief))
    page = read(client, trail_path(chief), limit=2)
    found = [event["id"] for event in page["data"]]
    while page["pagination"]["nextCursor"]:
        client.post("/user/api-keys", json={"name": "meanwhile"})
        page = read(client, trail_path(chief), limit=2, **page["pagination"]["nextCursor"])
        found += [event["id"] for event in page["data"]]
    assert found == old


ORIGIN = ("user_agent", "request_id")  # what only the operator sees


def run_audit(server: Server, *options: str) -> "subprocess.CompletedProcess[str]":
    """Run `hallmarket admin audit`."""
    command = [HALLMARKET, "admin", "audit", *options, *server.database_options]
    return subprocess.run(command, env=server.environment, capture_output=True, text=True, timeout=60)


def test_command_shows_where_an_action_came_from(server: Server, chief: Member, client: httpx.Client) -> None:
    """`admin audit` shows an event's user agent, cut to 512 characters, and its request id; the HTTP routes do not."""
    agent = "Scanner/1.0 (\N{LATIN SMALL LETTER E WITH ACUTE}) " + "x" * 600
    headers = {"user-agent": agent.encode("latin-1"), "x-request-id": "scan-0001"}
    client.post("/user/api-keys", json={"name": "scanner"}, headers=headers)  # type: ignore[arg-type]
    options = ["--org", chief.organization, "--action", "key.create", "--limit", "1"]
    event = json.loads(run_audit(server, *options, "--json").stdout)
    assert (event["request_id"], event["user_agent"]) == ("scan-0001", agent[:512])
    line = run_audit(server, *options).stdout
    assert "request_id=scan-0001" in line
    assert 'user_agent="Scanner/1.0 (' in line
    (wire_event,) = read(client, trail_path(chief), action="key.create", limit=1)["data"]
    assert wire_event == {name: event[name] for name in event if name not in ORIGIN}


def test_command_shows_the_trail(server: Server, chief: Member, client: httpx.Client) -> None:
    """`admin audit` prints the newest events first: one JSON object per line, or one readable line."""
    name = "a\tname \N{RIGHT-TO-LEFT OVERRIDE}"
    here = ["--org", chief.organization]
    server.admin("create-key", chief.username, *here, "--name", name)
    client.post("/user/api-keys", json={"name": "scanner"})
    events = [json.loads(line) for line in run_audit(server, *here, "--json").stdout.splitlines()]
    shown = [{name: event[name] for name in event if name not in ORIGIN} for event in events]
    assert shown == read(client, trail_path(chief))["data"]
    newest = run_audit(server, *here, "--action", "key.create", "--limit", "2", "--json").stdout
    assert [json.loads(line)["details"]["name"] for line in newest.splitlines()] == ["scanner", name]
    first, second = run_audit(server, *here, "--action", "key.create", "--limit", "2").stdout.splitlines()
    assert chief.username in first
    assert "127.0.0.1" in first
    assert "the operator" in second
    assert second.isprintable()
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).isoformat()
    assert run_audit(server, "--since", tomorrow).stdout == "There are no such events.\n"
    assert run_audit(server, "--since", tomorrow, "--json").stdout == ""


@pytest.mark.parametrize("options", [["--since", "yesterday"], ["--limit", "0"], ["--org", "gazette"]])
def test_wrong_usage_of_the_command_ends_with_status_2(server: Server, options: list[str]) -> None:
    """A command with invalid arguments ends with status 2 and names the argument."""
    result = run_audit(server, *options)
    assert (result.returncode, result.stdout) == (2, "")
    assert options[0] in result.stderr
