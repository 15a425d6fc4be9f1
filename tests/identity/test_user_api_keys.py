"""The caller's own API keys: list them, create them with no more rights than the caller has, and revoke them."""

import asyncio
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest

from _support.clients import exchange_client, get_token, official_client
from _support.members import Member
from _support.responses import assert_exchange_error
from _support.servers import Server
from _support.waiting import wait_until
from hallmarket.server.identity.user_api_keys import MAX_LIVE_KEYS
from hallmarket.server.rooms import SCOPES

PATH = "/user/api-keys"
PERSONAL_CONTEXT = "00000000-0000-0000-0000-000000000000"
UNKNOWN = "0190a3c2-0000-7000-8000-000000000000"
SHOWN = [
    "id",
    "name",
    "prefix",
    "organization",
    "scopes",
    "created_on",
    "expires_on",
    "revoked_on",
    "last_used_on",
]


@pytest.fixture
def client(server: Server, member: Member) -> Iterator[httpx.Client]:
    """An HTTP client with a token of a new member's key, which is bound to their organization."""
    with exchange_client(server, member.key) as made:
        yield made


@pytest.fixture
def unbound(server: Server, member: Member) -> Iterator[httpx.Client]:
    """An HTTP client with a token of the same member's key that is bound to no organization."""
    with exchange_client(server, server.new_key(member, name="free").key) as made:
        yield made


def create(client: httpx.Client, name: str = "scanner", **fields: object) -> dict[str, Any]:
    """Create a key, and return it as the response shows it."""
    response = client.post(PATH, json={"name": name, **fields})
    assert response.status_code == 200, response.text
    assert response.json()["error"] is None
    return dict(response.json()["data"])


def page(client: httpx.Client, **query: object) -> dict[str, Any]:
    """Return one page of the list."""
    response = client.get(PATH, params={name: str(value) for name, value in query.items()})
    assert response.status_code == 200, response.text
    return dict(response.json())


def names(answer: dict[str, Any]) -> list[str]:
    """Return the names of the keys on a page."""
    return [key["name"] for key in answer["data"]]


def works(server: Server, key: str) -> bool:
    """Return whether a token for the key authenticates its person."""
    with server.client("") as client:
        token = client.post("/users/get-token", json={"pat": key}).json()["token"]
        return token is not None and client.get("/user", headers={"authorization": token}).status_code == 200


def test_new_key_is_shown_once(server: Server, member: Member, client: httpx.Client) -> None:
    """A new key works immediately. The response shows it, and nothing afterwards does."""
    made = create(client, "scanner in the cellar")
    assert list(made) == [*SHOWN, "key"]
    assert re.fullmatch(made["prefix"] + r"_[A-Za-z0-9_-]{43}", made["key"])
    assert made["organization"] == {"id": member.organization, "name": "Org"}
    assert sorted(made["scopes"]) == sorted(SCOPES)
    assert (made["expires_on"], made["revoked_on"], made["last_used_on"]) == (None, None, None)
    assert works(server, made["key"])
    listed = page(client)["data"]
    assert [list(key) for key in listed] == [SHOWN] * 2
    assert listed[0] == {name: made[name] for name in SHOWN} | {"last_used_on": listed[0]["last_used_on"]}
    assert made["key"] not in client.get(PATH).text + server.log.read_text()
    assert not server.query("select from audit_event where details::text like '%' || $1 || '%'", made["key"][12:])


def test_keys_are_listed_newest_first_page_by_page(client: httpx.Client) -> None:
    """Keys are listed newest first, in pages that know whether more follow."""
    for number in range(4):
        create(client, f"key {number}")
    first, second = page(client, limit=2), page(client, limit=3, offset=2)
    assert names(first) == ["key 3", "key 2"]
    assert names(second) == ["key 1", "key 0", ""]
    assert [part["pagination"]["hasMore"] for part in (first, second)] == [True, False]
    assert {part["pagination"]["total"] for part in (first, second)} == {5}
    for query in ("limit=0", "limit=x", "offset=-1", "active=yes", "limit=1&limit=2"):
        assert_exchange_error(client.get(f"{PATH}?{query}"), 400, "invalid_request")


def test_filter_by_active(server: Server, client: httpx.Client) -> None:
    """`active=true` lists the keys that are neither revoked nor expired, `active=false` the others."""
    revoked, expired = create(client, "revoked"), create(client, "expired")
    create(client, "good")
    client.delete(f"{PATH}/{revoked['id']}")
    server.query("update api_key set expires_on = now() where id = $1", expired["id"])
    assert names(page(client, active="true")) == ["good", ""]
    assert names(page(client, active="false")) == ["expired", "revoked"]
    assert names(page(client)) == ["good", "expired", "revoked", ""]


def test_keys_of_other_people(server: Server, client: httpx.Client) -> None:
    """Nobody sees or revokes another person's key: unknown and other people's keys are the same 404."""
    mine = create(client)
    for other in (server.new_member(), server.new_member(organization=mine["organization"]["id"])):
        with exchange_client(server, other.key) as stranger:
            assert mine["id"] not in stranger.get(PATH).text
            messages = {
                assert_exchange_error(stranger.delete(f"{PATH}/{key_id}"), 404, "not_found")["message"]
                for key_id in (mine["id"], UNKNOWN)
            }
            assert len(messages) == 1
            assert_exchange_error(stranger.delete(f"{PATH}/no-uuid"), 400, "invalid_request")
    assert works(server, mine["key"])


def test_bound_key_sees_keys_of_its_organization(
    server: Server, member: Member, client: httpx.Client, unbound: httpx.Client
) -> None:
    """A key that is bound to an organization lists and revokes only keys bound to it; an unbound one lists all."""
    created = create(unbound, "unbound")
    assert created["organization"] is None
    assert names(page(client)) == [""]
    assert_exchange_error(client.delete(f"{PATH}/{created['id']}"), 404, "not_found")
    assert names(page(unbound)) == ["unbound", "free", ""]
    assert unbound.delete(f"{PATH}/{member.key_id}").status_code == 200


def test_revocation(server: Server, client: httpx.Client) -> None:
    """A revoked key is rejected immediately; revoking it again returns the same and records no second event."""
    made = create(client)
    with exchange_client(server, made["key"]) as user:
        assert user.get("/user").status_code == 200
        first = client.delete(f"{PATH}/{made['id']}").json()["data"]
        wait_until(lambda: user.get("/user").status_code == 401)
    assert not works(server, made["key"])
    assert first["revoked_on"] is not None
    assert client.delete(f"{PATH}/{made['id']}").json()["data"] | {"last_used_on": None} == first | {
        "last_used_on": None
    }
    events = server.query("select action from audit_event where subject_id = $1 order by id", made["id"])
    assert [event["action"] for event in events] == ["key.create", "key.revoke"]


def test_key_can_revoke_itself(member: Member, client: httpx.Client) -> None:
    """The key in use can be revoked; its token is rejected with the next request."""
    response = client.delete(f"{PATH}/{member.key_id}")
    assert response.status_code == 200, response.text
    assert_exchange_error(client.get("/user"), 401, "unauthenticated")
    assert_exchange_error(client.delete(f"{PATH}/{member.key_id}"), 401, "unauthenticated")


def test_new_key_has_no_more_scopes(server: Server, member: Member) -> None:
    """A new key has all or some of the caller's scopes; another scope is 403, an unknown one 400."""
    narrow = server.new_member(scopes="keys:write,media:read")
    with exchange_client(server, narrow.key) as client:
        assert create(client)["scopes"] == ["keys:write", "media:read"]
        assert create(client, scopes=["media:read", "media:read"])["scopes"] == ["media:read"]
        error = assert_exchange_error(
            client.post(PATH, json={"name": "x", "scopes": ["media:read", "audit:read"]}), 403, "forbidden"
        )
        assert error["details"] == {"scope": "audit:read"}
        assert_exchange_error(client.get(PATH), 403, "forbidden")
    with exchange_client(server, server.new_member(scopes="keys:read").key) as reader:
        assert reader.get(PATH).status_code == 200
        assert_exchange_error(reader.post(PATH, json={"name": "x"}), 403, "forbidden")
        assert_exchange_error(reader.delete(f"{PATH}/{UNKNOWN}"), 403, "forbidden")


def test_new_key_expires_no_later(server: Server, member: Member, client: httpx.Client) -> None:
    """A new key expires no later than the caller's, which is the default, in any time zone."""
    end = (datetime.now(UTC) + timedelta(days=30)).replace(microsecond=0)
    server.query("update api_key set expires_on = $2 where id = $1", member.key_id, end)
    assert datetime.fromisoformat(create(client)["expires_on"]) == end
    assert datetime.fromisoformat(create(client, expires_on=None)["expires_on"]) == end
    assert datetime.fromisoformat(create(client, expires_on=end.isoformat())["expires_on"]) == end
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).date()
    assert create(client, expires_on=tomorrow.isoformat())["expires_on"] == f"{tomorrow}T00:00:00.000000+00:00"
    local = (end + timedelta(hours=2)).replace(tzinfo=None).isoformat() + "+02:00"
    assert datetime.fromisoformat(create(client, expires_on=local)["expires_on"]) == end
    for later in (end + timedelta(seconds=1), datetime(9999, 12, 31, tzinfo=UTC)):
        response = client.post(PATH, json={"name": "x", "expires_on": later.isoformat()})
        assert_exchange_error(response, 403, "forbidden")


def test_new_key_of_a_bound_key(server: Server, member: Member, client: httpx.Client) -> None:
    """A bound key creates only keys that are bound to the same organization."""
    assert create(client, organization_id=member.organization.upper())["organization"]["id"] == member.organization
    elsewhere = server.new_member().organization
    for other in (elsewhere, UNKNOWN, PERSONAL_CONTEXT):
        response = client.post(PATH, json={"name": "x", "organization_id": other})
        assert_exchange_error(response, 403, "api_key_org_mismatch")


def test_new_key_of_an_unbound_key(server: Server, member: Member, unbound: httpx.Client) -> None:
    """An unbound key creates unbound keys and keys for its person's organizations; others are 404."""
    assert create(unbound)["organization"] is create(unbound, organization_id=PERSONAL_CONTEXT)["organization"] is None
    assert create(unbound, organization_id=member.organization)["organization"]["id"] == member.organization
    for other in (server.new_member().organization, UNKNOWN):
        response = unbound.post(PATH, json={"name": "x", "organization_id": other})
        assert_exchange_error(response, 404, "not_found")


BAD = {
    "no name": {},
    "empty name": {"name": ""},
    "blank name": {"name": "  "},
    "long name": {"name": "x" * 101},
    "control character": {"name": "a\nb"},
    "NUL": {"name": "a\0b"},
    "line separator": {"name": "a\u2028b"},
    "name of another kind": {"name": 1},
    "unknown scope": {"name": "x", "scopes": ["root"]},
    "no scope": {"name": "x", "scopes": []},
    "scopes in a text": {"name": "x", "scopes": "media:read"},
    "past": {"name": "x", "expires_on": "2001-01-01"},
    "no time": {"name": "x", "expires_on": "tomorrow"},
    "time beyond all": {"name": "x", "expires_on": "9999-12-31T23:59:59-14:00"},
    "time of another kind": {"name": "x", "expires_on": 1893456000},
    "organization by name": {"name": "x", "organization_id": "gazette"},
    "unknown field": {"name": "x", "expires": "2099-01-01"},
    "no object": [],
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD.keys())
def test_invalid_request_is_rejected(client: httpx.Client, body: object) -> None:
    """An invalid request is 400 and creates nothing, also with an unknown field, which might be a misspelt expiry."""
    assert_exchange_error(client.post(PATH, json=body), 400, "invalid_request")
    assert names(page(client)) == [""]


def test_names_in_any_script(client: httpx.Client) -> None:
    """A name has up to 100 characters of any script."""
    for name in ("ü" * 100, "скáнер 🗄️", "x"):
        assert create(client, name)["name"] == name


def race(server: Server, key: str, body: dict[str, str], change: str, subject: str, waits_at: str) -> httpx.Response:
    """Send a request for a key that waits for the uncommitted `change`; commit it, and return the response."""
    headers = {"authorization": get_token(server, key)}
    waiting = "select from pg_stat_activity where wait_event_type = 'Lock' and strpos(query, $1) > 0"

    async def run() -> httpx.Response:
        async with httpx.AsyncClient(base_url=server.url, headers=headers, timeout=30, trust_env=False) as client:
            connection = await asyncpg.connect(server.postgres_url)
            try:
                async with connection.transaction():
                    await connection.execute(change, subject)
                    answer = asyncio.create_task(client.post(PATH, json=body))
                    await asyncio.to_thread(wait_until, lambda: server.query(waiting, f"identity.{waits_at}\n"))
                return await answer
            finally:
                await connection.close()

    return asyncio.run(run())


def test_creation_races_with_a_revocation(server: Server, member: Member) -> None:
    """A request waits for a concurrent revocation of the caller's key, and then creates nothing."""
    revoke = "update api_key set revoked_on = now() where id = $1"
    answer = race(server, member.key, {"name": "late"}, revoke, member.key_id, "lock_current_key")
    assert_exchange_error(answer, 401, "unauthenticated")
    assert server.query("select count(*) from api_key where person_id = $1", member.person)[0][0] == 1


def test_creation_races_with_leaving(server: Server, member: Member) -> None:
    """A request waits for a membership that is ending, and creates no key that is bound to that organization."""
    key = server.new_key(member).key
    leave = "delete from membership where person_id = $1"
    body = {"name": "late", "organization_id": member.organization}
    answer = race(server, key, body, leave, member.person, "lock_own_organization")
    assert_exchange_error(answer, 404, "not_found")
    other = server.new_member()
    answer = race(server, other.key, {"name": "late"}, leave, other.person, "lock_own_organization")
    assert_exchange_error(answer, 401, "unauthenticated")
    assert not server.query("select from api_key where name = 'late'")


def test_official_client_uses_a_new_key(server: Server, member: Member, client: httpx.Client) -> None:
    """The official client works with a key created through the API, until it is revoked."""
    import ouro

    made = create(client, "notebook")
    with official_client(server, made["key"]) as user:
        assert str(user.user.id) == member.person
        client.delete(f"{PATH}/{made['id']}")
        with pytest.raises(ouro.AuthenticationError):
            wait_until(lambda: user.users.me() is None)


def test_maximum_number_of_keys(server: Server, member: Member, client: httpx.Client) -> None:
    """Beyond MAX_LIVE_KEYS a new key is 409, also under concurrency; a revocation makes room for one."""
    spare = 3
    server.query(
        "insert into api_key (id, person_id, name, prefix, key_hash, scopes)"
        " select gen_random_uuid(), $1, 'filler', 'hm_', sha256(gen_random_uuid()::text::bytea), '{}'"
        " from generate_series(1, $2::int)",
        member.person,
        MAX_LIVE_KEYS - 1 - spare,
    )
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: client.post(PATH, json={"name": "x"}).status_code, range(8)))
    assert sorted(statuses) == [200] * spare + [409] * (8 - spare)
    assert_exchange_error(client.post(PATH, json={"name": "x"}), 409, "conflict")
    client.delete(f"{PATH}/{page(client)['data'][0]['id']}")
    create(client)
