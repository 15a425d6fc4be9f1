"""API keys: what they may do, how they are kept, and how they end."""

import asyncio
import hmac
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest

from _support.anchoring import request_anchor
from _support.members import Member
from _support.responses import assert_media_error
from _support.servers import Server, new_server
from _support.waiting import wait_until
from hallmarket.server.identity.api_keys import get_secret

KEY = re.compile(r"(hm_[0-9a-f]{8})_[A-Za-z0-9_-]{43}")


@pytest.fixture(scope="module")
def member(server: Server) -> Member:
    """A new person with a key, shared by the tests of this file that do not spoil it."""
    return server.new_member()


@pytest.fixture(scope="module")
def anybody(server: Server) -> Iterator[httpx.Client]:
    """An HTTP client without a key; `use` gives it one for a request."""
    with server.client("") as client:
        yield client


def use(client: httpx.Client, key: str, path: str = "/v1/media") -> httpx.Response:
    """The answer to a request with this key."""
    return client.get(path, headers={"x-api-key": key})


def new_key(server: Server, member: Member, **options: str) -> dict[str, str]:
    """Another key of a member's, as `create-key` tells of it."""
    given = [part for name, value in options.items() for part in (f"--{name}", value)]
    return dict(server.admin("create-key", member.username, "--org", member.organization, *given))


def test_key_is_shown_once_and_kept_as_a_keyed_hash(server: Server, member: Member) -> None:
    """The database keeps a key's prefix and its HMAC under the server's secret, and nothing to find the key by."""
    made = new_key(server, member, name="scanner")
    shape = KEY.fullmatch(made["key"])
    assert shape is not None
    (row,) = server.query("select prefix, key_hash, name from api_key where id = $1", made["id"])

    async def read_secret() -> bytes:
        connection = await asyncpg.connect(server.postgres_url)
        try:
            return await get_secret(connection)
        finally:
            await connection.close()

    assert row["key_hash"] == hmac.digest(asyncio.run(read_secret()), made["key"].encode(), "sha256")
    assert (row["prefix"], row["name"]) == (shape[1], "scanner")
    random_part = made["key"].removeprefix(shape[1])
    for table in ("api_key", "api_key_use", "person", "organization", "membership", "server_secret"):
        assert random_part not in str([tuple(one) for one in server.query(f"select * from {table}")])
    assert random_part not in str(server.admin("list-keys"))
    assert random_part not in server.log.read_text()


def test_only_the_whole_key_is_the_key(anybody: httpx.Client, member: Member) -> None:
    """A key with a character more, less or other is nobody's."""
    key = member.key
    assert use(anybody, key).status_code == 200
    for other in (key[:-1], key + "x", key.swapcase(), key[:-1] + ("A" if key[-1] != "A" else "B"), key[:11], key * 5):
        assert_media_error(use(anybody, other), 401, "UNAUTHENTICATED")


def test_each_scope_opens_its_own_paths(server: Server, member: Member, anybody: httpx.Client) -> None:
    """A key does what its scopes say; anything else is 403 naming the scope it lacks, before the body is looked at."""
    paths = {
        "media:read": ["/v1/media", "/v1/media/0190a3c2-0000-7000-8000-000000000000"],
        "users:read": ["/v1/users"],
        "media:anchor": ["/v1/media/anchor", "/v1/media/anchor/batch"],
    }
    for scope in paths:
        made = new_key(server, member, scopes=scope)
        assert made["scopes"] == [scope]
        for needed, protected in paths.items():
            for path in protected:
                method = "POST" if needed == "media:anchor" else "GET"
                response = anybody.request(method, path, headers={"x-api-key": made["key"]})
                if needed == scope:
                    assert response.status_code != 403
                else:
                    assert assert_media_error(response, 403, "FORBIDDEN")["details"] == {"scope": needed}


def test_unbound_key_is_forbidden(server: Server, member: Member, anybody: httpx.Client) -> None:
    """A key bound to no organization is known, and 403 on every path of the media dialect that needs one."""
    made = server.admin("create-key", member.username)
    assert made["organization"] is None
    for path in ("/v1/media", "/v1/users"):
        assert_media_error(use(anybody, made["key"], path), 403, "FORBIDDEN")
    response = anybody.post("/v1/media/anchor", content=b"{", headers={"x-api-key": made["key"]})
    assert_media_error(response, 403, "FORBIDDEN")
    assert use(anybody, made["key"], "/v1/public/media/x").status_code == 400


def test_revoked_key_is_refused_at_the_next_request(server: Server, member: Member) -> None:
    """A key that has just been used is refused from its revocation on; the person's other keys are not."""
    made = new_key(server, member)
    with server.client(made["key"]) as api:
        assert request_anchor(api).status_code == 201
        revoked = server.admin("revoke-key", made["id"])
        assert_media_error(request_anchor(api), 401, "UNAUTHENTICATED")
    assert datetime.fromisoformat(revoked["revoked"]) <= datetime.now(UTC)
    with server.client(member.key) as api:
        assert api.get("/v1/media").status_code == 200
    assert server.admin("revoke-key", made["id"]) == revoked


def test_key_ends_at_its_expiry(server: Server, member: Member, anybody: httpx.Client) -> None:
    """A key works until its time of expiry and not a request longer, remembered or not."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    made = new_key(server, member, expires=tomorrow.isoformat())
    assert datetime.fromisoformat(made["expires"]) == tomorrow
    assert use(anybody, made["key"]).status_code == 200
    ends = datetime.now(UTC) + timedelta(seconds=1)
    server.query("update api_key set expires_on = $2 where id = $1", made["id"], ends)
    while datetime.now(UTC) < ends:
        assert use(anybody, made["key"]).status_code == 200 or datetime.now(UTC) >= ends
    assert_media_error(use(anybody, made["key"]), 401, "UNAUTHENTICATED")


def test_key_ends_with_its_membership(server: Server, anybody: httpx.Client) -> None:
    """Whoever leaves an organization leaves their key's rights there."""
    leaving = server.new_member()
    assert use(anybody, leaving.key).status_code == 200
    server.query("delete from membership where person_id = $1", leaving.person)
    wait_until(lambda: use(anybody, leaving.key).status_code == 401)


def test_last_use_is_recorded_and_secrets_are_kept_apart() -> None:
    """A key's last use is written down, at the latest by a clean stop; under another secret the key is unknown."""
    with new_server(secret_key="first secret") as server:
        used, unused = server.new_member(), server.new_member()
        before = datetime.now(UTC)
        with server.client(used.key) as api:
            assert api.get("/v1/users").status_code == 200
        after = datetime.now(UTC)
        server.stop()
        keys = {key["id"]: key for key in server.admin("list-keys")}
        assert before <= datetime.fromisoformat(keys[used.key_id]["lastUsed"]) <= after
        assert keys[unused.key_id]["lastUsed"] is None

        server.settings["secret_key"] = "second secret"
        server.start()
        for key, status in ((used.key, 401), (server.new_member().key, 200)):
            with server.client(key) as api:
                assert api.get("/v1/users").status_code == status
