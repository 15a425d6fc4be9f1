"""Tokens of the exchange dialect: issued for a key, valid for an hour, and invalid when the key is."""

import base64
import json
import time

import httpx
import jwt
import pytest

from _support.clients import exchange_client, get_token, official_client
from _support.members import Member
from _support.responses import assert_exchange_error
from _support.servers import Server

PERSONAL_CONTEXT = "00000000-0000-0000-0000-000000000000"


def claims_of(token: str) -> dict[str, object]:
    """Return a token's claims without verifying it."""
    return dict(jwt.decode(token, options={"verify_signature": False}))


def get_user(server: Server, token: str | None, **headers: str) -> httpx.Response:
    """Send `GET /user` with a token."""
    sent = headers if token is None else {"authorization": token, **headers}
    return httpx.get(f"{server.url}/user", headers=sent, trust_env=False)


def test_token_for_a_key(server: Server, member: Member) -> None:
    """A key is exchanged for a token with person, key, organization and scopes, valid for an hour."""
    with server.client("") as client:
        response = client.post("/users/get-token", json={"pat": member.key})
    assert response.headers["cache-control"] == "no-store"
    answer = response.json()
    assert answer["token"] == answer["access_token"]
    assert answer["refresh_token"]
    assert answer["error"] is None
    assert answer["api_key_org_id"] == member.organization
    assert answer["api_key_name"].isascii()
    claims = claims_of(answer["token"])
    assert (claims["sub"], claims["key"], claims["org"]) == (member.person, member.key_id, member.organization)
    assert "users:read" in str(claims["scopes"])
    assert claims["exp"] == pytest.approx(time.time() + 3600, abs=10)


@pytest.mark.parametrize("pat", ["", "hm_00000000_x", "x" * 5000, "ü"])
def test_invalid_key_is_200_with_an_error(server: Server, pat: str) -> None:
    """The reference's client expects 200 for an invalid key, too: an error and no token."""
    with server.client("") as client:
        response = client.post("/users/get-token", json={"pat": pat})
    assert response.status_code == 200
    assert response.json()["error"]["message"]
    assert response.json()["token"] is response.json()["access_token"] is None


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"pat": 1}', b"{}", b'{"pat": "\\ud800"}', b"[" * 10_000])
def test_invalid_request_is_rejected(server: Server, body: bytes) -> None:
    """An invalid body is 400 in the exchange dialect's form."""
    with server.client("") as client:
        response = client.post("/users/get-token", content=body, headers={"content-type": "application/json"})
    assert_exchange_error(response, 400, "invalid_request")


@pytest.mark.parametrize("form", ["{}", "Bearer {}", "bearer {}"])
def test_token_bare_or_as_bearer(server: Server, member: Member, form: str) -> None:
    """A token is accepted as it is and after `Bearer`."""
    response = get_user(server, form.format(get_token(server, member.key)))
    assert response.status_code == 200, response.text
    assert response.json()["error"] is None
    assert response.json()["data"]["id"] == response.json()["data"]["user_id"] == member.person
    assert response.json()["data"]["username"] == member.username
    assert "email" in response.json()["data"]


def test_forged_tokens_are_rejected(server: Server, member: Member) -> None:
    """A changed claim, another key, no signature, another algorithm and an old date are all 401."""
    token = get_token(server, member.key)
    claims = claims_of(token)
    head, body, signature = token.split(".")
    other = base64.urlsafe_b64encode(json.dumps({**claims, "sub": PERSONAL_CONTEXT}).encode()).rstrip(b"=").decode()
    forged = [
        f"{head}.{other}.{signature}",
        f"{head}.{body}.",
        f"{head}.{body}",
        jwt.encode(claims, "another key, long enough to be one at all", "HS256"),
        jwt.encode(claims, None, "none"),
        jwt.encode({**claims, "exp": 1}, "another key, long enough to be one at all", "HS256"),
        "x.y.z",
        "x" * 10_000,
        "Bearer",
        "é",
        member.key,
    ]
    for bad in forged:
        assert_exchange_error(
            httpx.get(f"{server.url}/user", headers={"authorization": bad.encode()}, trust_env=False),
            401,
            "unauthenticated",
        )
    assert_exchange_error(get_user(server, None), 401, "unauthenticated")


def test_token_ends_with_its_key(server: Server, member: Member) -> None:
    """A token is rejected with the next request after its key was revoked."""
    token = get_token(server, member.key)
    assert get_user(server, token).status_code == 200
    server.admin("revoke-key", member.key_id)
    assert_exchange_error(get_user(server, token), 401, "unauthenticated")


def test_new_token_ends_no_older_one(server: Server, member: Member) -> None:
    """Several processes may share a key, so a new token does not end older ones."""
    tokens = [get_token(server, member.key) for _ in range(3)]
    assert {get_user(server, token).status_code for token in tokens} == {200}


def test_token_of_a_key_without_the_scope_is_forbidden(server: Server) -> None:
    """A missing scope is 403, never 401, which would cost the client two more requests."""
    narrow = server.new_member(scopes="media:read")
    assert_exchange_error(get_user(server, get_token(server, narrow.key)), 403, "forbidden")


def test_organization_header(server: Server, member: Member) -> None:
    """`X-Ouro-Org` selects the organization that the request acts in, and is rejected in three cases."""
    token, stranger = get_token(server, member.key), server.new_member()
    assert_exchange_error(get_user(server, token, **{"x-ouro-org": "gazette"}), 400, "invalid_org_context")
    bound_elsewhere = get_user(server, token, **{"x-ouro-org": stranger.organization})
    assert_exchange_error(bound_elsewhere, 403, "api_key_org_mismatch")
    assert_exchange_error(get_user(server, token, **{"x-ouro-org": PERSONAL_CONTEXT}), 403, "api_key_org_mismatch")
    assert get_user(server, token, **{"x-ouro-org": member.organization}).status_code == 200
    free = server.new_key(member).key
    with exchange_client(server, free) as client:
        assert client.get("/user").status_code == 200
        assert client.get("/user", headers={"x-ouro-org": PERSONAL_CONTEXT}).status_code == 200
        assert client.get("/user", headers={"x-ouro-org": member.organization}).status_code == 200
        foreign = client.get("/user", headers={"x-ouro-org": stranger.organization})
        assert_exchange_error(foreign, 403, "org_context_forbidden")


def test_official_client_authenticates(server: Server, member: Member) -> None:
    """`ouro.Ouro` can be constructed against the server, and knows its user."""

    with official_client(server, member.key) as client:
        assert str(client.user.id) == member.person
        assert client.user.email is None


def test_official_client_with_an_invalid_key(server: Server) -> None:
    """With an invalid key the client raises its AuthenticationError."""
    import ouro

    message = ""
    try:
        with official_client(server, "hm_00000000_wrong"):
            pass
    except ouro.AuthenticationError as error:
        message = str(error)
    assert "unknown, expired or revoked" in message
