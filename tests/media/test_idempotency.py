"""The `Idempotency-Key` of single anchors, and requests that race each other."""

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from _support.anchoring import ANCHOR, FAILED, anchor_and_wait, random_hash, set_status
from _support.members import Member
from _support.responses import assert_media_error
from _support.servers import Server, new_server

RACERS = 16


def race(server: Server, key: str, bodies: list[dict[str, object]], **headers: str) -> list[httpx.Response]:
    """The answers to all bodies, sent at once, each over a connection of its own."""

    with server.client(key) as api, ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(lambda body: api.post(ANCHOR, json=body, headers=headers), bodies))


@pytest.fixture(scope="module", params=["one worker", "two workers"])
def racecourse(request: pytest.FixtureRequest, server: Server):
    """The shared server, and one of two workers, where racing requests meet only in the database."""
    if request.param == "one worker":
        yield server
    else:
        with new_server(workers=2) as other:
            yield other


def test_racing_for_one_hash_has_one_winner(racecourse: Server) -> None:
    """Of requests that race with one hash exactly one is created; the others are duplicates of it."""
    key = racecourse.new_member().key
    for _ in range(5):
        body: dict[str, object] = {"hash": random_hash(), "size": 1}
        answers = race(racecourse, key, [body] * RACERS)
        won = [answer.json()["id"] for answer in answers if answer.status_code == 201]
        assert len(won) == 1
        lost = [answer for answer in answers if answer.status_code != 201]
        assert all(assert_media_error(answer, 409, "DUPLICATE")["details"] == {"id": won[0]} for answer in lost)


def test_racing_for_one_id_has_one_winner(racecourse: Server) -> None:
    """Of requests that race with one id and different hashes exactly one is created."""
    key = racecourse.new_member().key
    item_id = "0190a3c2-0000-7000-8000-" + random_hash()[:12]
    bodies: list[dict[str, object]] = [{"hash": random_hash(), "size": 1, "id": item_id} for _ in range(RACERS)]
    assert sorted(answer.status_code for answer in race(racecourse, key, bodies)) == [201] + [409] * 15


def test_racing_with_one_idempotency_key_gets_one_answer(racecourse: Server) -> None:
    """Concurrent requests with one Idempotency-Key all get the one 201, byte for byte, all but one as replayed."""
    key = racecourse.new_member().key
    for number in range(5):
        body: dict[str, object] = {"hash": random_hash(), "size": 1}
        answers = race(racecourse, key, [body] * RACERS, **{"idempotency-key": f"race-{number}"})
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.content for answer in answers}) == 1
        replayed = [answer.headers.get("idempotent-replayed") for answer in answers]
        assert sorted(replayed, key=str) == [None] + ["true"] * (RACERS - 1)


def test_replay_is_the_first_answer(api: httpx.Client) -> None:
    """The same key with the same request replays the first answer byte for byte, however the body was written."""
    digest = random_hash()
    headers = {"idempotency-key": "k 1"}
    first = api.post(ANCHOR, json={"hash": digest, "size": 5, "name": "a"}, headers=headers)
    assert first.status_code == 201
    assert "idempotent-replayed" not in first.headers
    for again in (
        api.post(ANCHOR, json={"hash": digest, "size": 5, "name": "a"}, headers=headers),
        api.post(ANCHOR, json={"name": "a", "size": 5, "hash": digest, "metadata": None}, headers=headers),
        api.post(ANCHOR, data={"hash": digest, "size": "5", "name": "a"}, headers=headers),
    ):
        assert (again.status_code, again.content) == (201, first.content)
        assert again.headers["idempotent-replayed"] == "true"


def test_refusals_are_replayed_too(server: Server, api: httpx.Client) -> None:
    """A 409 is the first answer like any other, and so is the 200 of an item anchored again."""
    item = anchor_and_wait(api)
    duplicate = {"hash": item["hash"], "size": 1}
    first = api.post(ANCHOR, json=duplicate, headers={"idempotency-key": "refused"})
    set_status(server, item["id"], FAILED)
    again = api.post(ANCHOR, json=duplicate, headers={"idempotency-key": "refused"})
    assert (again.status_code, again.content) == (409, first.content)
    assert again.headers["idempotent-replayed"] == "true"
    body = {"hash": random_hash(), "size": 9, "id": item["id"]}
    answers = [api.post(ANCHOR, json=body, headers={"idempotency-key": "again"}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].content == answers[1].content


def test_key_with_another_request_is_a_mismatch(api: httpx.Client) -> None:
    """The same key with another body answers 422, and the first answer stays what it was."""
    body = {"hash": random_hash(), "size": 5}
    headers = {"idempotency-key": "mine"}
    first = api.post(ANCHOR, json=body, headers=headers)
    for other in ({**body, "size": 6}, {**body, "name": "x"}, {**body, "hash": random_hash()}):
        assert_media_error(api.post(ANCHOR, json=other, headers=headers), 422, "IDEMPOTENCY_MISMATCH")
    assert api.post(ANCHOR, json=body, headers=headers).content == first.content


def test_keys_are_each_callers_own(server: Server, member: Member) -> None:
    """Two members who use the same key do not meet, in one organization or in two."""
    headers = {"idempotency-key": "shared"}
    colleague = server.new_member(organization=member.organization)
    for key in (member.key, colleague.key, server.api_key):
        with server.client(key) as api:
            response = api.post(ANCHOR, json={"hash": random_hash(), "size": 5}, headers=headers)
            assert response.status_code == 201
            assert "idempotent-replayed" not in response.headers


def test_malformed_request_uses_up_no_key(api: httpx.Client) -> None:
    """A request that was malformed leaves its key free for the corrected one."""
    headers = {"idempotency-key": "typo"}
    assert_media_error(api.post(ANCHOR, json={"hash": "x", "size": 5}, headers=headers), 400, "INVALID_HASH")
    assert api.post(ANCHOR, json={"hash": random_hash(), "size": 5}, headers=headers).status_code == 201


@pytest.mark.parametrize("key", ["", "x" * 256, "caf\u00e9", "a\tb"], ids=["empty", "long", "latin", "tab"])
def test_malformed_key_is_refused(api: httpx.Client, key: str) -> None:
    """A key that is empty, too long or not printable ASCII answers 400 naming the header."""
    response = api.post(
        ANCHOR, json={"hash": random_hash(), "size": 5}, headers={b"idempotency-key": key.encode("latin-1")}
    )
    assert_media_error(response, 400, "INVALID_REQUEST", "Idempotency-Key")
