"""`POST /v1/media/anchor/batch`: NDJSON in and out, in order, with limits on lines, bytes and memory."""

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
    """Return an anchor request with a new hash."""
    return {"hash": random_hash(), "size": 1, **fields}


def many_lines(count: int, **fields: object) -> bytes:
    """Return NDJSON lines with a different hash each."""
    start = uuid.uuid4().hex * 3
    extra = "".join(f',"{name}":"{value}"' for name, value in fields.items())
    return "".join(f'{{"hash":"{start}{number:032x}","size":1{extra}}}\n' for number in range(count)).encode()


def test_results_are_in_order(api: httpx.Client) -> None:
    """Each line has a result with its index, in order, also over several chunks that are committed separately."""
    names = [f"{uuid.uuid4().hex} {number}" for number in range(2500)]
    results = read_batch_results(post_batch(api, to_ndjson(*(item(name=name) for name in names))))
    assert [result["index"] for result in results] == list(range(2500))
    assert all(list(result) == ["index", "status", "id"] and result["status"] == 201 for result in results)
    for number in (0, 999, 1000, 2499):
        assert get_item(api, results[number]["id"])["name"] == names[number]


def test_bad_lines_do_not_affect_the_others(api: httpx.Client) -> None:
    """A bad line gets the same 400 as a single request, and the others are accepted."""
    body = b"\n".join([*to_ndjson(item()).splitlines(), b"{", b"nonsense", b'{"hash":"A","size":1}', b"[]"])
    body += b"\n" + to_ndjson(item(size=-1), item())
    results = read_batch_results(post_batch(api, body))
    assert [result["status"] for result in results] == [201, 400, 400, 400, 400, 400, 201]
    codes = [result.get("code") for result in results]
    assert codes == [None, "INVALID_REQUEST", "INVALID_REQUEST", "INVALID_HASH", *["INVALID_REQUEST"] * 2, None]
    assert list(results[1]) == ["index", "status", "code", "message", "details"]
    assert results[5]["details"]["field"] == "size"


def test_blank_lines_are_not_counted(api: httpx.Client) -> None:
    """Lines that are empty or contain only spaces have no index, with either kind of line end."""
    first, second, third = to_ndjson(item(), item(), item()).splitlines()
    body = b"\n\r\n  \t\n" + first + b"\r\n\n" + second + b"\n \n" + third
    results = read_batch_results(post_batch(api, body))
    assert [(result["index"], result["status"]) for result in results] == [(0, 201), (1, 201), (2, 201)]


@pytest.mark.parametrize("body", [b"", b"\n", b"\r\n \n\n"], ids=["no bytes", "one line end", "blank lines"])
def test_an_empty_batch_has_an_empty_response(api: httpx.Client, body: bytes) -> None:
    """An empty batch is 200 with an empty body."""
    response = post_batch(api, body)
    assert (response.status_code, response.content) == (200, b"")


def test_a_repeated_hash_in_a_batch_is_a_duplicate(api: httpx.Client) -> None:
    """Of two lines with one hash or id the first is created, and the second is a duplicate of it."""
    twin, item_id = item(), str(uuid.uuid4())
    body = to_ndjson(twin, item(), twin, item(id=item_id), item(id=item_id.upper()))
    first, other, second, with_id, repeated_id = read_batch_results(post_batch(api, body))
    assert (first["status"], other["status"], with_id["status"], with_id["id"]) == (201, 201, 201, item_id)
    assert (second["status"], second["code"], second["details"]) == (409, "DUPLICATE", {"id": first["id"]})
    assert (repeated_id["status"], repeated_id["code"]) == (409, "DUPLICATE")


def test_a_repeated_batch_is_all_duplicates(api: httpx.Client) -> None:
    """A repeated batch changes nothing: every line is a duplicate with the id of the first item."""
    body = many_lines(50)
    first = read_batch_results(post_batch(api, body))
    repeated = read_batch_results(post_batch(api, body))
    assert {result["status"] for result in repeated} == {409}
    assert [result["details"]["id"] for result in repeated] == [result["id"] for result in first]


def test_a_line_has_the_result_of_a_single_request(server: Server, api: httpx.Client, stranger: httpx.Client) -> None:
    """A failed item is 200; another organization's hash or id is 409 without details."""
    failed = anchor_and_wait(api)
    set_status(server, failed["id"], FAILED)
    foreign = anchor_and_wait(stranger)
    body = to_ndjson(item(id=failed["id"]), item(hash=foreign["hash"]), item(id=foreign["id"]))
    accepted, taken_hash, taken_id = read_batch_results(post_batch(api, body))
    assert accepted == {"index": 0, "status": 200, "id": failed["id"]}
    assert [(result["status"], result["details"]) for result in (taken_hash, taken_id)] == [(409, None), (409, None)]
    wait_for_status(api, failed["id"])


def test_a_batch_can_be_gzipped(api: httpx.Client) -> None:
    """A gzipped batch is accepted."""
    results = read_batch_results(post_batch(api, many_lines(2000), packed=True))
    assert [result["status"] for result in results] == [201] * 2000


def test_a_line_that_is_too_long_is_400(api: httpx.Client) -> None:
    """A line of 1 MiB or more gets its own 400, and the lines around it are accepted."""
    good, last = to_ndjson(item()), to_ndjson(item())
    for length in (MIB - 1, MIB, MIB + 1, 3 * MIB):
        results = read_batch_results(post_batch(api, good + b"x" * length + b"\n" + last))
        assert [result["status"] for result in results][1] == 400
        assert [result["index"] for result in results] == [0, 1, 2]
    assert read_batch_results(post_batch(api, b"x" * 2 * MIB))[0]["status"] == 400


def test_a_batch_with_too_many_lines_is_413(api: httpx.Client) -> None:
    """More than 100,000 lines are 413, and none of them is accepted."""
    first = item()
    body = to_ndjson(first) + b"{}\n" * 100_000
    assert_media_error(post_batch(api, body, packed=True), 413, "PAYLOAD_TOO_LARGE")
    assert request_anchor(api, hash=first["hash"]).status_code == 201
    assert len(read_batch_results(post_batch(api, b"{}\n" * 100_000 + b"\n\n", packed=True))) == 100_000


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_a_batch_with_too_many_bytes_is_413(api: httpx.Client, packed: bool) -> None:
    """More than 64 MiB after decompression are 413, and no line is accepted. Blank lines count."""
    first = item()
    body = to_ndjson(first) + b" " * (64 * MIB)
    assert_media_error(post_batch(api, body, packed=packed), 413, "PAYLOAD_TOO_LARGE")
    assert request_anchor(api, hash=first["hash"]).status_code == 201


def test_an_interrupted_batch_accepts_nothing(api: httpx.Client) -> None:
    """If the client disconnects during a batch, none of its lines is accepted."""
    first = item()

    def interrupted():
        yield to_ndjson(first) + many_lines(10)
        raise ConnectionAbortedError

    with pytest.raises(ConnectionAbortedError):
        api.post(BATCH, content=interrupted(), headers=NDJSON)
    assert request_anchor(api, hash=first["hash"]).status_code == 201


def test_concurrent_batches_create_each_hash_once(server: Server, member: Member) -> None:
    """Concurrent batches with the same hashes in different orders create each hash once, without a deadlock."""
    lines = many_lines(3000).splitlines()
    orders = [lines, lines[::-1], lines[1500:] + lines[:1500], lines[::2] + lines[1::2]]

    with server.client(member.key) as api, ThreadPoolExecutor(4) as pool:
        batches = list(pool.map(lambda order: read_batch_results(post_batch(api, b"\n".join(order))), orders))
    created = [result["id"] for batch in batches for result in batch if result["status"] == 201]
    assert len(created) == len(set(created)) == 3000
    assert {result["status"] for batch in batches for result in batch} == {201, 409}


def test_memory_does_not_grow_with_the_batch() -> None:
    """A batch of 60 MiB does not raise the worker's peak memory above that of batches of a tenth."""
    with new_server() as server, server.client() as api:
        workers = find_workers(server)  # the other processes may still be starting
        for _ in range(3):
            assert len(read_batch_results(post_batch(api, many_lines(1000, metadata="x" * 6000)))) == 1000
        before = peak_memory(workers)
        results = read_batch_results(post_batch(api, many_lines(10_000, metadata="x" * 6000)))
        assert [result["status"] for result in results] == [201] * 10_000
        # The body alone has 60 MiB. The server works on chunks of four MiB.
        assert peak_memory(workers) - before < 25 * MIB


def peak_memory(processes: list[psutil.Process]) -> int:
    """Return the sum of the processes' peak memory, in bytes."""
    texts = [Path(f"/proc/{process.pid}/status").read_text() for process in processes]
    return sum(int(text.partition("VmHWM:")[2].split()[0]) for text in texts) * 1024


def test_a_batch_does_not_block_single_anchors(server: Server, api: httpx.Client) -> None:
    """During a batch of 20,000 lines, single requests are answered."""
    with server.client() as other, ThreadPoolExecutor(1) as pool:
        batch = pool.submit(post_batch, api, many_lines(20_000))
        served = 0
        while not batch.done():
            assert other.post(ANCHOR, json=item()).status_code == 201
            served += 1
        assert len(read_batch_results(batch.result())) == 20_000
        assert served >= 5
    anchor(api)
