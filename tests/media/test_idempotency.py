"""Concurrent anchor requests, and the `Idempotency-Key` of single ones."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from _support.anchoring import ANCHOR, FAILED, anchor_and_wait, random_hash, set_status
from _support.members import Member
from _support.responses import assert_media_error
from _support.servers import Server, new_server

CONCURRENT = 16


def send_concurrently(
    server: Server, key: str, bodies: list[dict[str, object]], **headers: str
) -> list[httpx.Response]:
    """Send all bodies at the same time, each over its own connection."""
    with server.client(key) as api, ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(lambda body: api.post(ANCHOR, json=body, headers=headers), bodies))


@pytest.fixture(scope="module", params=["one worker", "two workers"])
def racing_server(request: pytest.FixtureRequest, server: Server):
    """The shared server, and one with two workers, where concurrent requests meet only in the database."""
    if request.param == "one worker":
        yield server
    else:
        with new_server(workers=2) as other:
            yield other


def test_concurrent_requests_for_one_hash_create_one_item(racing_server: Server) -> None:
    """Of concurrent requests with one hash exactly one creates an item; the others are its duplicates."""
    key = racing_server.new_member().key
    for _ in range(5):
        body: dict[str, object] = {"hash": random_hash(), "size": 1}
        responses = send_concurrently(racing_server, key, [body] * CONCURRENT)
        created = [response.json()["id"] for response in responses if response.status_code == 201]
        assert len(created) == 1
        refused = [response for response in responses if response.status_code != 201]
        assert all(
            assert_media_error(response, 409, "DUPLICATE")["details"] == {"id": created[0]} for response in refused
        )


def test_concurrent_requests_for_one_id_create_one_item(racing_server: Server) -> None:
    """Of concurrent requests with one id and different hashes exactly one creates an item."""
    key = racing_server.new_member().key
    item_id = "0190a3c2-0000-7000-8000-" + random_hash()[:12]
    bodies: list[dict[str, object]] = [{"hash": random_hash(), "size": 1, "id": item_id} for _ in range(CONCURRENT)]
    assert (
        sorted(response.status_code for response in send_concurrently(racing_server, key, bodies)) == [201] + [409] * 15
    )


def test_concurrent_requests_with_one_key_get_one_response(racing_server: Server) -> None:
    """Concurrent requests with one Idempotency-Key get the same bytes of one 201, all but one as a replay."""
    key = racing_server.new_member().key
    for number in range(5):
        body: dict[str, object] = {"hash": random_hash(), "size": 1}
        responses = send_concurrently(
            racing_server, key, [body] * CONCURRENT, **{"idempotency-key": f"concurrent-{number}"}
        )
        assert {response.status_code for response in responses} == {201}
        assert len({response.content for response in responses}) == 1
        replayed = [response.headers.get("idempotent-replayed") for response in responses]
        assert sorted(replayed, key=str) == [None] + ["true"] * (CONCURRENT - 1)


def test_a_repeated_key_replays_the_first_response(api: httpx.Client) -> None:
    """A repeated request gets the first response byte for byte, even if its body is written differently."""
    digest = random_hash()
    headers = {"idempotency-key": "k 1"}
    first = api.post(ANCHOR, json={"hash": digest, "size": 5, "name": "a"}, headers=headers)
    assert first.status_code == 201
    assert "idempotent-replayed" not in first.headers
    for repeated in (
        api.post(ANCHOR, json={"hash": digest, "size": 5, "name": "a"}, headers=headers),
        api.post(ANCHOR, json={"name": "a", "size": 5, "hash": digest, "metadata": None}, headers=headers),
        api.post(ANCHOR, data={"hash": digest, "size": "5", "name": "a"}, headers=headers),
    ):
        assert (repeated.status_code, repeated.content) == (201, first.content)
        assert repeated.headers["idempotent-replayed"] == "true"


def test_every_status_is_replayed(server: Server, api: httpx.Client) -> None:
    """A 409 is replayed like a success, and so is the 200 of an earlier item."""
    item = anchor_and_wait(api)
    duplicate = {"hash": item["hash"], "size": 1}
    first = api.post(ANCHOR, json=duplicate, headers={"idempotency-key": "refused"})
    set_status(server, item["id"], FAILED)
    repeated = api.post(ANCHOR, json=duplicate, headers={"idempotency-key": "refused"})
    assert (repeated.status_code, repeated.content) == (409, first.content)
    assert repeated.headers["idempotent-replayed"] == "true"
    body = {"hash": random_hash(), "size": 9, "id": item["id"]}
    responses = [api.post(ANCHOR, json=body, headers={"idempotency-key": "accepted"}) for _ in range(2)]
    assert [response.status_code for response in responses] == [200, 200]
    assert responses[0].content == responses[1].content


def test_a_key_with_another_request_is_422(api: httpx.Client) -> None:
    """A repeated key with a different request is 422, and the first response stays stored."""
    body = {"hash": random_hash(), "size": 5}
    headers = {"idempotency-key": "mine"}
    first = api.post(ANCHOR, json=body, headers=headers)
    for other in ({**body, "size": 6}, {**body, "name": "x"}, {**body, "hash": random_hash()}):
        assert_media_error(api.post(ANCHOR, json=other, headers=headers), 422, "IDEMPOTENCY_MISMATCH")
    assert api.post(ANCHOR, json=body, headers=headers).content == first.content


def test_people_do_not_share_keys(server: Server, member: Member) -> None:
    """Members of one organization, or of two, can use the same key."""
    headers = {"idempotency-key": "shared"}
    colleague = server.new_member(organization=member.organization)
    for key in (member.key, colleague.key, server.api_key):
        with server.client(key) as api:
            response = api.post(ANCHOR, json={"hash": random_hash(), "size": 5}, headers=headers)
            assert response.status_code == 201
            assert "idempotent-replayed" not in response.headers


def test_a_malformed_request_leaves_its_key_unused(api: httpx.Client) -> None:
    """The key of a malformed request can be used for the corrected one."""
    headers = {"idempotency-key": "typo"}
    assert_media_error(api.post(ANCHOR, json={"hash": "x", "size": 5}, headers=headers), 400, "INVALID_HASH")
    assert api.post(ANCHOR, json={"hash": random_hash(), "size": 5}, headers=headers).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\u00e9", "a\tb"], ids=["empty", "long", "latin", "tab"])
def test_a_malformed_key_is_400(api: httpx.Client, key: str) -> None:
    """A key that is empty, too long or not printable ASCII is 400 with the header as the field."""
    response = api.post(
        ANCHOR, json={"hash": random_hash(), "size": 5}, headers={b"idempotency-key": key.encode("latin-1")}
    )
    assert_media_error(response, 400, "INVALID_REQUEST", "Idempotency-Key")
