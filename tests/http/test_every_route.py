"""Every route is called without a key, by strangers, and with narrow, expired and revoked keys; the list is derived."""

import asyncio
import hmac
import re
import secrets
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import jwt
import pytest

from _support.anchoring import random_hash
from _support.assets import make_asset
from _support.clients import get_token
from _support.datasets import make_dataset
from _support.files import make_file
from _support.members import Member
from _support.notifications import create_notifications
from _support.openapi import Operation, list_operations
from _support.organizations import Organization, User, new_organization
from _support.purchases import buy, make_for_sale
from _support.responses import assert_exchange_error, assert_media_error
from _support.servers import Server
from hallmarket.server.identity import api_keys
from hallmarket.server.rooms import SCOPES

# Routes without a scope, and why. A new one must be justified here.
OPEN = {
    "POST /users/get-token": "buys the token that everything else asks for; the key is in its body",
    "GET /v1/public/media/{media_hash}": "anybody who has a file may know that it is registered",
    "GET /v1/public/media/{media_hash}/proof": "anybody who has a file may prove that it is registered",
    "GET /v1/public/thumbnails/{thumbnail_id}": "its id is told to those who may see what it shows, and is random",
    "GET /log/checkpoint": "the log is public",
    "GET /log/key": "the log is public",
    "GET /log/tile/{path}": "the log is public",
    "GET /downloads/{token}": "the address itself is signed, for somebody who may read what it opens",
    "GET /uploads/{token}": "the address itself is signed, for whoever sent what it opens",
    "PUT /uploads/{token}": "the address itself is signed, for one upload",
    "POST /stripe/webhook": "Stripe has no token; what it sends is signed, and nothing else is believed",
    "GET /stripe/returned": "Stripe sends browsers there; it is the same for everybody",
    "GET /healthz": "for monitoring, which has no key",
    "GET /readyz": "for monitoring, which has no key",
    "GET /metrics": "for monitoring, which has no key",
    "GET /openapi.json": "the documentation is public",
    "GET /docs": "the documentation is public",
    "GET /docs/{name}": "the documentation is public",
}
# Routes that show people of other organizations to every token with the scope.
EVERYBODYS = {
    "GET /users/{username}": "profiles are everybody's",
    "GET /users/{username}/impact": "profiles are everybody's",
    "GET /users/{username}/follows": "profiles are everybody's",
    "PUT /users/{username}/follow": "anybody may be followed by anybody",
}
# POST routes that read: their parameters are in a body.
ASKING = {
    "POST /assets/{asset_id}/download",
    "POST /assets/{asset_id}/download-url",
    "POST /datasets/{dataset_id}/query-custom",
    "POST /assets/{asset_id}/view",  # counts a view, as a download does
}
Ask = Callable[[Operation], httpx.Response]


@pytest.fixture(scope="module")
def operations(server: Server) -> list[Operation]:
    """Every operation of the server's OpenAPI document."""
    return list(list_operations(httpx.get(f"{server.url}/openapi.json", trust_env=False).json()))


@pytest.fixture(scope="module")
def closed(operations: list[Operation]) -> list[Operation]:
    """Every operation that needs a credential."""
    return [operation for operation in operations if str(operation) not in OPEN]


@pytest.fixture(scope="module")
def org(server: Server) -> Iterator[Organization]:
    """The other organization: paths name its resources, and none of its people sends the requests."""
    with new_organization(server) as made:
        yield made


@pytest.fixture(scope="module")
def theirs(server: Server, org: Organization) -> dict[str, str]:
    """Existing resources of the other organization, by the names of path parameters."""
    admin = org.admin
    name = f"org-{secrets.token_hex(6)}"
    where = f"/organizations/{org.id}"
    admin.call("PUT", where, json={"organization": {"visibility": "public", "join_policy": "request"}})
    org.with_unbound_key(org.new_outsider()).call("POST", f"{where}/join")
    (applicant,) = admin.call("GET", f"{where}/join-requests")
    admin.call("PUT", where, json={"organization": {"visibility": "organization", "join_policy": "invite_only"}})
    server.query("update organization set slug = $1 where id = $2", name, UUID(org.id))
    team = admin.create_team("the-desk", visibility="organization", join_policy="request")["id"]
    asker, banned = org.new_user(), org.new_user()
    asker.call("POST", f"/teams/{team}/join")
    (request,) = admin.call("GET", f"/teams/{team}/join-requests")
    admin.call("POST", f"/teams/{team}/bans", json={"user_id": banned.id})
    with server.client(admin.member.key) as client:
        fingerprint = random_hash()
        media = client.post("/v1/media/anchor", json={"hash": fingerprint, "size": 1}).json()["id"]
    (notification,) = create_notifications(
        server, admin.member, "follow", source=asker.member, content={"text": "hello"}
    )
    asset = make_asset(server, admin, visibility="organization")
    (tag,) = admin.call("PUT", f"/assets/{asset}/tags", json={"tags": ["theirs"]})
    post = admin.call("POST", "/posts/create", json={"post": {"visibility": "organization"}, "content": "ours"})["id"]
    comment = {"comment": {"parent_id": post}, "content": "ours"}
    dataset = make_dataset(admin, visibility="organization")["id"]
    view = admin.call("POST", f"/datasets/{dataset}/visualizations", json={"name": "A view"})["id"]
    index = admin.call("POST", f"/datasets/{dataset}/indexes", json={"columns": ["day"]})["name"]
    licence = buy(server, asker, make_for_sale(org.with_unbound_key(admin)))
    payment = str(uuid4())
    server.query("insert into payment values ($1, $2, 'usd', 500)", UUID(payment), UUID(admin.id))
    return {
        "organization_id": org.id,
        "team_id": team,
        "request_id": request["id"],
        "organizations/request_id": applicant["id"],
        "user_id": banned.id,
        "payment_id": payment,
        "user": admin.member.username,
        "username": admin.member.username,
        "name": name,
        "key_id": admin.member.key_id,
        "notification_id": notification,
        "media_id": media,
        "licence_id": licence,
        "asset_id": asset,
        "tag_id": tag["tag_id"],
        "post_id": post,
        "comment_id": admin.call("POST", "/comments/create", json=comment)["id"],
        "dataset_id": dataset,
        "view_id": view,
        "index": index,
        "column": "day",
        "number": "1",
        "file_id": make_file(admin, visibility="organization")["id"],
    }


@pytest.fixture(scope="module")
def me(server: Server) -> Member:
    """A person with a key of every scope, in another organization."""
    return server.new_member()


def asking(server: Server, theirs: dict[str, str], credential: Callable[[Operation], dict[str, str]]) -> Ask:
    """Return a function that sends a well-formed request about the other organization's resources with a credential."""

    def ask(operation: Operation) -> httpx.Response:
        area = operation.path.split("/")[1]
        path = re.sub(r"\{(\w+)\}", lambda found: theirs.get(f"{area}/{found[1]}") or theirs[found[1]], operation.path)
        needed = [
            parameter for parameter in operation.description.get("parameters", ()) if parameter.get("in") == "query"
        ]
        query = {parameter["name"]: parameter["example"] for parameter in needed if parameter.get("required")}
        headers, content = credential(operation), None
        if body := operation.description.get("requestBody"):
            kind, told = next(iter(body["content"].items()))
            headers = {**headers, "content-type": kind}
            content = told["example"]
        sent: dict[str, Any] = {"content": content} if isinstance(content, str) else {"json": content}
        with httpx.Client(base_url=server.url, timeout=30, trust_env=False) as client:
            return client.request(
                operation.method, path, params=query, headers=headers, **(sent if content is not None else {})
            )

    return ask


def header_of(server: Server, member: Member) -> Callable[[Operation], dict[str, str]]:
    """Return a member's key for the media dialect, or a token bought with it for the exchange dialect."""
    token = get_token(server, member.key)
    return lambda operation: {"x-api-key": member.key} if operation.is_media else {"authorization": token}


def assert_refused(ask: Ask, operations: list[Operation], *statuses: int) -> None:
    """Assert that each operation is rejected with one of these statuses, in its dialect."""
    assert operations
    wrong = []
    for operation in operations:
        response = ask(operation)
        if response.status_code not in statuses:
            wrong.append(f"{operation}: {response.status_code} {response.text[:200]}")
            continue
        error = response.json() if operation.is_media else response.json()["error"]
        check = assert_media_error if operation.is_media else assert_exchange_error
        check(response, response.status_code, error["code"])
    assert not wrong, "\n".join(wrong)


def test_what_is_open_to_everybody_is_known(operations: list[Operation]) -> None:
    """Every route without a scope has a documented reason."""
    assert {str(operation) for operation in operations if operation.scope is None} == set(OPEN)


def test_what_changes_things_needs_more_than_a_right_to_read(closed: list[Operation]) -> None:
    """A scope that ends in `:read` opens only GET routes and the listed POST routes that change nothing."""
    reading = {str(each) for each in closed if each.method != "GET" and str(each.scope).endswith(":read")}
    assert reading == ASKING


def test_nobody_is_let_in(server: Server, closed: list[Operation], theirs: dict[str, str]) -> None:
    """Without a credential, with an invalid one, or with one of the other dialect, every route is 401."""
    assert_refused(asking(server, theirs, lambda _: {}), closed, 401)
    nonsense = {"x-api-key": "hm_00000000_x", "authorization": "x.y.z"}
    assert_refused(asking(server, theirs, lambda _: nonsense), closed, 401)


def test_credential_of_the_other_dialect_is_none(
    server: Server, closed: list[Operation], theirs: dict[str, str], me: Member
) -> None:
    """A key opens no exchange route and a token no media route, in any header."""
    token = get_token(server, me.key)
    swapped = {
        True: {"x-api-key": token, "authorization": token},
        False: {"x-api-key": me.key, "authorization": me.key},
    }
    assert_refused(asking(server, theirs, lambda operation: swapped[operation.is_media]), closed, 401)


def test_things_of_another_organization_are_out_of_reach(
    server: Server, closed: list[Operation], theirs: dict[str, str], me: Member
) -> None:
    """With a valid key of another organization and all scopes, every route that names a resource is 403 or 404."""
    foreign = [each for each in closed if "{" in each.path and str(each) not in EVERYBODYS]
    assert_refused(asking(server, theirs, header_of(server, me)), foreign, 403, 404)
    assert_refused(asking(server, theirs, header_of(server, server.new_key(me))), foreign, 403, 404)


def test_another_organization_cannot_be_run_in(
    server: Server, closed: list[Operation], theirs: dict[str, str], me: Member
) -> None:
    """`X-Ouro-Org` with an organization that the caller is not in is 403 on every exchange route."""
    exchange = [operation for operation in closed if not operation.is_media]
    unbound = server.new_key(me).key
    for key in (me.key, unbound):
        sent = {"authorization": get_token(server, key), "x-ouro-org": theirs["organization_id"]}
        assert_refused(asking(server, theirs, lambda _, sent=sent: sent), exchange, 403)


def test_lists_show_nothing_of_another_organization(
    server: Server, closed: list[Operation], theirs: dict[str, str], me: Member
) -> None:
    """Routes without an id in their path show nothing of the other organization: no response contains an id of it."""
    unbound = get_token(server, server.new_key(me).key)
    ask = asking(server, theirs, lambda each: {"x-api-key": me.key} if each.is_media else {"authorization": unbound})
    hidden = [value for name, value in theirs.items() if name not in ("user", "username", "user_id") and len(value) > 7]
    for operation in closed:
        if operation.method == "GET" and "{" not in operation.path:
            response = ask(operation)
            assert response.status_code == 200, f"{operation}: {response.text}"
            assert not [value for value in hidden if value in response.text], operation


def test_key_without_the_scope_is_refused(server: Server, closed: list[Operation], theirs: dict[str, str]) -> None:
    """A key with every scope except the one that a route needs is 403 there."""
    scopes = {operation.scope for operation in closed}
    assert scopes <= set(SCOPES)
    for scope in scopes:
        narrow = server.new_member(scopes=",".join(each for each in SCOPES if each != scope))
        needing = [operation for operation in closed if operation.scope == scope]
        assert_refused(asking(server, theirs, header_of(server, narrow)), needing, 403)


def test_administrator_without_the_scope_is_refused(
    server: Server, closed: list[Operation], theirs: dict[str, str], org: Organization
) -> None:
    """An administrator's key without a scope has no more rights than others: a read-only key writes nothing."""
    narrow: User = org.new_user(scopes=",".join(scope for scope in SCOPES if scope.endswith(":read")))
    org.make_admin(narrow)
    writing = [operation for operation in closed if not str(operation.scope).endswith(":read")]
    assert_refused(asking(server, theirs, header_of(server, narrow.member)), writing, 403)


def test_revoked_key_is_refused(server: Server, closed: list[Operation], theirs: dict[str, str]) -> None:
    """A revoked key and every token bought with it are 401 on every route."""
    member = server.new_member()
    credential = header_of(server, member)
    server.admin("revoke-key", member.key_id)
    assert_refused(asking(server, theirs, credential), closed, 401)


def test_expired_key_is_refused(server: Server, closed: list[Operation], theirs: dict[str, str]) -> None:
    """An expired key is 401 on every route, and so is a token that is older than an hour or outlived its key."""
    member = server.new_member()
    token = get_token(server, member.key)
    dead = expired_key(server, member)
    late = forge(server, token, member.key_id, ends_in_s=-1)
    outlived = forge(server, token, dead.key_id, ends_in_s=3600)
    for sent in (late, outlived):
        headers = {"x-api-key": dead.key, "authorization": sent}
        assert_refused(asking(server, theirs, lambda _, headers=headers: headers), closed, 401)


def expired_key(server: Server, member: Member) -> Member:
    """The same member with a key that expired a minute ago."""

    async def make() -> Member:
        connection = await asyncpg.connect(server.postgres_url)
        try:
            secret = await api_keys.get_secret(connection)
            later = datetime.now(UTC) + timedelta(hours=1)
            key = await api_keys.create_key(
                connection, secret, member.username, expires_on=later, scopes=SCOPES, known_scopes=SCOPES
            )
            earlier = datetime.now(UTC) - timedelta(minutes=1)
            await connection.execute("update api_key set expires_on = $1 where id = $2", earlier, key.id)
            return Member(member.organization, member.person, member.username, str(key.id), key.key)
        finally:
            await connection.close()

    return asyncio.run(make())


def forge(server: Server, token: str, key_id: str, ends_in_s: int) -> str:
    """Return a token with these claims and the server's signature."""

    async def get_secret() -> bytes:
        connection = await asyncpg.connect(server.postgres_url)
        try:
            return await api_keys.get_secret(connection)
        finally:
            await connection.close()

    claims = jwt.decode(token, options={"verify_signature": False})
    claims |= {"key": key_id, "exp": int(time.time()) + ends_in_s}
    return jwt.encode(claims, hmac.digest(asyncio.run(get_secret()), b"hallmarket token", "sha256"), "HS256")
