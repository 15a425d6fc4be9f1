"""`POST /v1/media/anchor/batch`: NDJSON in, NDJSON out, in order, within bounds of lines, bytes and memory."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import psutil
import pytest

from _support.anchoring import (
    ANCHOR,
    BATCH,
    FAILED,
    anchor,
    anchor_and_wait,
    get_item,
    post_batch,
    random_hash,
    read_batch_results,
    request_anchor,
    set_status,
    to_ndjson,
    wait_for_status,
)
from _support.members import Member
from _support.processes import find_workers
from _support.responses import assert_media_error
from _support.servers import Server, new_server

MIB = 1024 * 1024
NDJSON = {"content-type": "application/x-ndjson"}


def item(**fields: object) -> dict[str, object]:
    """An anchor request for a hash nobody has."""
    return {"hash": random_hash(), "size": 1, **fields}


def many_lines(count: int, **fields: object) -> bytes:
    """That many requests, each with a hash of its own."""
    start = uuid.uuid4().hex * 3
    extra = "".join(f',"{name}":"{value}"' for name, value in fields.items())
    return "".join(f'{{"hash":"{start}{number:032x}","size":1{extra}}}\n' for number in range(count)).encode()


def test_answers_come_in_order(api: httpx.Client) -> None:
    """Each line is answered under its index, in order, over more lines than are committed together."""
    names = [f"{uuid.uuid4().hex} {number}" for number in range(2500)]
    answers = read_batch_results(post_batch(api, to_ndjson(*(item(name=name) for name in names))))
    assert [answer["index"] for answer in answers] == list(range(2500))
    assert all(list(answer) == ["index", "status", "id"] and answer["status"] == 201 for answer in answers)
    for number in (0, 999, 1000, 2499):
        assert get_item(api, answers[number]["id"])["name"] == names[number]


def test_bad_lines_do_not_stop_the_others(api: httpx.Client) -> None:
    """A bad line has its own 400 as the single request would; the others are accepted."""
    body = b"\n".join([*to_ndjson(item()).splitlines(), b"{", b"nonsense", b'{"hash":"A","size":1}', b"[]"])
    body += b"\n" + to_ndjson(item(size=-1), item())
    answers = read_batch_results(post_batch(api, body))
    assert [answer["status"] for answer in answers] == [201, 400, 400, 400, 400, 400, 201]
    codes = [answer.get("code") for answer in answers]
    assert codes == [None, "INVALID_REQUEST", "INVALID_REQUEST", "INVALID_HASH", *["INVALID_REQUEST"] * 2, None]
    assert list(answers[1]) == ["index", "status", "code", "message", "details"]
    assert answers[5]["details"]["field"] == "size"


def test_blank_lines_are_not_counted(api: httpx.Client) -> None:
    """Blank lines, of spaces too, and line ends of either kind are skipped and have no index."""
    first, second, third = to_ndjson(item(), item(), item()).splitlines()
    body = b"\n\r\n  \t\n" + first + b"\r\n\n" + second + b"\n \n" + third
    answers = read_batch_results(post_batch(api, body))
    assert [(answer["index"], answer["status"]) for answer in answers] == [(0, 201), (1, 201), (2, 201)]


@pytest.mark.parametrize("body", [b"", b"\n", b"\r\n \n\n"], ids=["no bytes", "one line end", "blank lines"])
def test_empty_batch_has_an_empty_answer(api: httpx.Client, body: bytes) -> None:
    """An empty batch is 200 with an empty body."""
    response = post_batch(api, body)
    assert (response.status_code, response.content) == (200, b"")


def test_two_of_one_hash_are_one_item(api: httpx.Client) -> None:
    """Of two lines with one hash the first is created, the second a duplicate whose details name it; so with ids."""
    twin, item_id = item(), str(uuid.uuid4())
    body = to_ndjson(twin, item(), twin, item(id=item_id), item(id=item_id.upper()))
    first, other, second, named, again = read_batch_results(post_batch(api, body))
    assert (first["status"], other["status"], named["status"], named["id"]) == (201, 201, 201, item_id)
    assert (second["status"], second["code"], second["details"]) == (409, "DUPLICATE", {"id": first["id"]})
    assert (again["status"], again["code"]) == (409, "DUPLICATE")


def test_batch_sent_again_is_all_duplicates(api: httpx.Client) -> None:
    """A batch sent again changes nothing: every line is a duplicate naming the item of the first time."""
    body = many_lines(50)
    first = read_batch_results(post_batch(api, body))
    again = read_batch_results(post_batch(api, body))
    assert {answer["status"] for answer in again} == {409}
    assert [answer["details"]["id"] for answer in again] == [answer["id"] for answer in first]


def test_lines_are_answered_as_single_requests_are(server: Server, api: httpx.Client, stranger: httpx.Client) -> None:
    """A line anchors a failed item again with 200; a foreign hash or id is a 409 that names nobody."""
    failed = anchor_and_wait(api)
    set_status(server, failed["id"], FAILED)
    foreign = anchor_and_wait(stranger)
    body = to_ndjson(item(id=failed["id"]), item(hash=foreign["hash"]), item(id=foreign["id"]))
    again, taken_hash, taken_id = read_batch_results(post_batch(api, body))
    assert again == {"index": 0, "status": 200, "id": failed["id"]}
    assert [(answer["status"], answer["details"]) for answer in (taken_hash, taken_id)] == [(409, None), (409, None)]
    wait_for_status(api, failed["id"])


def test_batch_may_be_gzipped(api: httpx.Client) -> None:
    """A gzipped batch is the same batch."""
    answers = read_batch_results(post_batch(api, many_lines(2000), packed=True))
    assert [answer["status"] for answer in answers] == [201] * 2000


def test_too_long_line_has_its_own_refusal(api: httpx.Client) -> None:
    """A line of more than 1 MiB gets its own 400, wherever it ends; its neighbours are accepted."""
    good, last = to_ndjson(item()), to_ndjson(item())
    for length in (MIB - 1, MIB, MIB + 1, 3 * MIB):
        answers = read_batch_results(post_batch(api, good + b"x" * length + b"\n" + last))
        assert [answer["status"] for answer in answers][1] == 400
        assert [answer["index"] for answer in answers] == [0, 1, 2]
    assert read_batch_results(post_batch(api, b"x" * 2 * MIB))[0]["status"] == 400


def test_too_many_lines_are_refused_whole(api: httpx.Client) -> None:
    """More than 100,000 lines answer 413, and nothing of them is accepted."""
    kept = item()
    body = to_ndjson(kept) + b"{}\n" * 100_000
    assert_media_error(post_batch(api, body, packed=True), 413, "PAYLOAD_TOO_LARGE")
    assert request_anchor(api, hash=kept["hash"]).status_code == 201
    assert len(read_batch_results(post_batch(api, b"{}\n" * 100_000 + b"\n\n", packed=True))) == 100_000


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_too_many_bytes_are_refused_whole(api: httpx.Client, packed: bool) -> None:
    """More than 64 MiB, unpacked, answer 413, and nothing of them is accepted; blanks count as bytes."""
    kept = item()
    body = to_ndjson(kept) + b" " * (64 * MIB)
    assert_media_error(post_batch(api, body, packed=packed), 413, "PAYLOAD_TOO_LARGE")
    assert request_anchor(api, hash=kept["hash"]).status_code == 201


def test_body_that_breaks_off_accepts_nothing(api: httpx.Client) -> None:
    """A client that hangs up in the middle of a batch has anchored nothing of it."""
    kept = item()

    def cut_short():
        yield to_ndjson(kept) + many_lines(10)
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        api.post(BATCH, content=cut_short(), headers=NDJSON)
    assert request_anchor(api, hash=kept["hash"]).status_code == 201


def test_racing_batches_share_no_hash(server: Server, member: Member) -> None:
    """Of batches that race with the same hashes in other orders, each hash is created once; none waits for ever."""
    lines = many_lines(3000).splitlines()
    orders = [lines, lines[::-1], lines[1500:] + lines[:1500], lines[::2] + lines[1::2]]

    with server.client(member.key) as api, ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda order: read_batch_results(post_batch(api, b"\n".join(order))), orders))
    created = [answer["id"] for answers in results for answer in answers if answer["status"] == 201]
    assert len(created) == len(set(created)) == 3000
    assert {answer["status"] for answers in results for answer in answers} == {201, 409}


def test_memory_does_not_grow_with_the_batch() -> None:
    """A batch of 60 MiB leaves the worker's highest memory where batches of a tenth had put it."""
    with new_server() as server, server.client() as api:
        workers = find_workers(server)  # the other processes may still be starting
        for _ in range(3):
            assert len(read_batch_results(post_batch(api, many_lines(1000, metadata="x" * 6000)))) == 1000
        before = highest_memory(workers)
        answers = read_batch_results(post_batch(api, many_lines(10_000, metadata="x" * 6000)))
        assert [answer["status"] for answer in answers] == [201] * 10_000
        # The body alone is 60 MiB; four MiB of lines are worked on at a time.
        assert highest_memory(workers) - before < 25 * MIB


def highest_memory(processes: list[psutil.Process]) -> int:
    """The most memory these have ever held together, in bytes."""
    texts = [Path(f"/proc/{one.pid}/status").read_text() for one in processes]
    return sum(int(text.partition("VmHWM:")[2].split()[0]) for text in texts) * 1024


def test_single_anchors_are_served_beside_a_batch(server: Server, api: httpx.Client) -> None:
    """While a batch of 20,000 is worked on, single requests are answered in between."""
    with server.client() as other, ThreadPoolExecutor(1) as pool:
        batch = pool.submit(post_batch, api, many_lines(20_000))
        served = 0
        while not batch.done():
            assert other.post(ANCHOR, json=item()).status_code == 201
            served += 1
        assert len(read_batch_results(batch.result())) == 20_000
        assert served >= 5
    anchor(api)
