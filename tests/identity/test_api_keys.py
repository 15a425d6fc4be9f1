"""API keys: rights, storage, and the ways in which they end."""

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
    """A new person with a key, shared by the tests of this file that do not change it."""
    return server.new_member()


@pytest.fixture(scope="module")
def anonymous(server: Server) -> Iterator[httpx.Client]:
    """An HTTP client without a key; `use` sends a request with one."""
    with server.client("") as client:
        yield client


def use(client: httpx.Client, key: str, path: str = "/v1/media") -> httpx.Response:
    """Send a request with this key."""
    return client.get(path, headers={"x-api-key": key})


def new_key(server: Server, member: Member, **options: str) -> dict[str, str]:
    """Create another key of a member, and return what `create-key` prints."""
    given = [part for name, value in options.items() for part in (f"--{name}", value)]
    return dict(server.admin("create-key", member.username, "--org", member.organization, *given))


def test_key_is_stored_as_a_keyed_hash(server: Server, member: Member) -> None:
    """The database stores a key's prefix and its HMAC under the server's secret; the key itself is nowhere else."""
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
        assert random_part not in str([tuple(found) for found in server.query(f"select * from {table}")])
    assert random_part not in str(server.admin("list-keys"))
    assert random_part not in server.log.read_text()


def test_altered_key_is_rejected(anonymous: httpx.Client, member: Member) -> None:
    """A key with a missing, additional or different character is rejected."""
    key = member.key
    assert use(anonymous, key).status_code == 200
    for other in (key[:-1], key + "x", key.swapcase(), key[:-1] + ("A" if key[-1] != "A" else "B"), key[:11], key * 5):
        assert_media_error(use(anonymous, other), 401, "UNAUTHENTICATED")


def test_scopes(server: Server, member: Member, anonymous: httpx.Client) -> None:
    """A key can do what its scopes allow; anything else is 403 with the missing scope, before the body is read."""
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
                response = anonymous.request(method, path, headers={"x-api-key": made["key"]})
                if needed == scope:
                    assert response.status_code != 403
                else:
                    assert assert_media_error(response, 403, "FORBIDDEN")["details"] == {"scope": needed}


def test_unbound_key_is_forbidden(server: Server, member: Member, anonymous: httpx.Client) -> None:
    """A key that is bound to no organization gets 403 on every path of the media dialect that needs one."""
    made = server.admin("create-key", member.username)
    assert made["organization"] is None
    for path in ("/v1/media", "/v1/users"):
        assert_media_error(use(anonymous, made["key"], path), 403, "FORBIDDEN")
    response = anonymous.post("/v1/media/anchor", content=b"{", headers={"x-api-key": made["key"]})
    assert_media_error(response, 403, "FORBIDDEN")
    assert use(anonymous, made["key"], "/v1/public/media/x").status_code == 400


def test_revoked_key_is_rejected_immediately(server: Server, member: Member) -> None:
    """A key that was just used is rejected after its revocation; the person's other keys still work."""
    made = new_key(server, member)
    with server.client(made["key"]) as api:
        assert request_anchor(api).status_code == 201
        revoked = server.admin("revoke-key", made["id"])
        assert_media_error(request_anchor(api), 401, "UNAUTHENTICATED")
    assert datetime.fromisoformat(revoked["revoked"]) <= datetime.now(UTC)
    with server.client(member.key) as api:
        assert api.get("/v1/media").status_code == 200
    assert server.admin("revoke-key", made["id"]) == revoked


def test_key_ends_at_its_expiry(server: Server, member: Member, anonymous: httpx.Client) -> None:
    """A key works until it expires and not a request longer, cached or not."""
    tomorrow = (datetime.now(UTC) + timedelta(days=1)).replace(microsecond=0)
    made = new_key(server, member, expires=tomorrow.isoformat())
    assert datetime.fromisoformat(made["expires"]) == tomorrow
    assert use(anonymous, made["key"]).status_code == 200
    end = datetime.now(UTC) + timedelta(seconds=1)
    server.query("update api_key set expires_on = $2 where id = $1", made["id"], end)
    while datetime.now(UTC) < end:
        assert use(anonymous, made["key"]).status_code == 200 or datetime.now(UTC) >= end
    assert_media_error(use(anonymous, made["key"]), 401, "UNAUTHENTICATED")


def test_key_ends_with_its_membership(server: Server, anonymous: httpx.Client) -> None:
    """A key that is bound to an organization stops working when its person leaves."""
    leaving = server.new_member()
    assert use(anonymous, leaving.key).status_code == 200
    server.query("delete from membership where person_id = $1", leaving.person)
    wait_until(lambda: use(anonymous, leaving.key).status_code == 401)


def test_last_use_and_another_secret() -> None:
    """A key's last use is saved by a clean stop at the latest; under another secret the key is unknown."""
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
