"""`POST /v1/media`: the bytes themselves, fingerprinted and stored as they come, anchored with them."""

import asyncio
import hashlib
import io
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from PIL import Image

from _support.anchoring import ACCEPTED, ANCHORED, CREATED, anchor, get_item, request_anchor, wait_for_status
from _support.members import Member
from _support.processes import find_workers
from _support.responses import assert_media_error
from _support.server_log import assert_no_errors_logged
from _support.servers import Server, new_server
from _support.stored_objects import count_unfinished_uploads, find_stored_objects
from _support.waiting import wait_until
from faults.embedded import new_embedded_server
from hallmarket.server.blobs.blob_store import BlobStore
from hallmarket.server.blobs.object_store import ObjectStore
from hallmarket.server.database.connections import Database

UPLOAD = "/v1/media"
MIB = 1024 * 1024


def upload(api: httpx.Client, content: Any, filename: str = "photo.jpg", **fields: str) -> httpx.Response:
    """The answer to one upload."""
    return api.post(UPLOAD, files={"file": (filename, content)}, data=fields, timeout=120)


def picture() -> bytes:
    """A real JPEG that nobody has uploaded before."""
    file = io.BytesIO()
    Image.frombytes("RGB", (64, 48), os.urandom(64 * 48 * 3)).save(file, "JPEG")
    return file.getvalue()


def items(server: Server, hash: bytes) -> int:  # noqa: A002 (the column's name)
    """How many items have this hash, whoever's and in whatever state."""
    return int(server.query("select count(*) from media where hash = $1", hash)[0][0])


def no_thumbnail_waits(server: Server) -> None:
    """Wait until every upload so far has its thumbnail, or none."""
    wait_until(lambda: not server.query("select 1 from preview where state = 'waiting' limit 1"))


@pytest.fixture
def nothing_kept(server: Server) -> Iterator[None]:
    """After the test the store holds nothing that it did not hold before, and no row waits."""
    no_thumbnail_waits(server)
    before = find_stored_objects(server)
    yield
    no_thumbnail_waits(server)
    assert find_stored_objects(server).items() <= before.items()
    assert count_unfinished_uploads(server) == 0


def test_bytes_are_stored_and_anchored(server: Server, api: httpx.Client) -> None:
    """A picture is uploaded in one request; its item comes into the log under the hash of its bytes."""
    content = picture()
    response = upload(api, content, "scans/1944/../front page.jpg", metadata='{"box": 12}')
    assert response.status_code == 201, response.text
    item = response.json()
    digest = hashlib.sha3_512(content).hexdigest()
    assert (item["hash"], item["size"], item["name"]) == (digest, len(content), "front page.jpg")
    assert (item["metadata"], item["status"], item["thumbnail"]) == ('{"box": 12}', ACCEPTED, None)
    assert wait_for_status(api, item["id"], ANCHORED)["transaction"] is not None
    with server.client("") as anybody:
        assert anybody.get(f"/v1/public/media/{digest}").json()["name"] == "front page.jpg"
    assert find_stored_objects(server)[digest].read_bytes() == content
    assert count_unfinished_uploads(server) == 0
    assert_no_errors_logged(server)


def test_upload_may_wait_to_be_anchored(api: httpx.Client, server: Server) -> None:
    """With `anchor=false` the item stays created and unknown to the public, until it is anchored by its id."""
    content = picture()
    item = upload(api, content, anchor="false").json()
    digest = hashlib.sha3_512(content).hexdigest()
    assert item["status"] == CREATED
    assert api.get(f"/v1/public/media/{digest}").status_code == 404
    wrong = request_anchor(api, id=item["id"])
    assert_media_error(wrong, 400, "INVALID_REQUEST", "hash")
    again = request_anchor(api, id=item["id"], hash=digest, size=len(content), name="photo.jpg")
    assert (again.status_code, again.json()["id"]) == (200, item["id"])
    wait_for_status(api, item["id"], ANCHORED)
    assert items(server, hash=bytes.fromhex(digest)) == 1


@pytest.mark.parametrize("content", [b"", b"x", b"\r\n--xyz--\r\n", os.urandom(3 * MIB + 1)])
def test_any_bytes_are_taken_as_they_are(server: Server, api: httpx.Client, content: bytes) -> None:
    """Empty files, bytes that look like a boundary, and files of odd sizes are stored to the byte."""
    item = upload(api, content, "any", anchor="false").json()
    assert item["hash"] == hashlib.sha3_512(content).hexdigest()
    assert item["size"] == len(content)
    assert find_stored_objects(server)[item["hash"]].read_bytes() == content


def test_names_are_given_or_the_files_own(api: httpx.Client) -> None:
    """`name` goes before the file's own; a name is never a path, and one that leaves nothing is null."""
    named = {"C:\\scans\\a.tif": "a.tif", "../../etc/passwd": "passwd", "ü/写真.jpg": "写真.jpg", "/": None}
    for filename, name in named.items():
        assert upload(api, os.urandom(9), filename, anchor="false").json()["name"] == name
    assert upload(api, os.urandom(9), "a.jpg", name="The name", anchor="false").json()["name"] == "The name"


@pytest.mark.usefixtures("nothing_kept")
def test_known_bytes_are_a_duplicate(server: Server, member: Member) -> None:
    """Bytes that are anchored already, by upload or by fingerprint, are 409, and are not kept a second time."""
    with new_member_api(server) as other, server.client(member.key) as api:
        content = os.urandom(2000)
        digest = hashlib.sha3_512(content).hexdigest()
        item_id = anchor(other, hash=digest, size=2000)
        assert assert_media_error(upload(api, content), 409, "DUPLICATE")["details"] is None
        assert assert_media_error(upload(other, content), 409, "DUPLICATE")["details"] == {"id": item_id}
        assert items(server, hash=bytes.fromhex(digest)) == 1


def new_member_api(server: Server) -> Any:
    """An HTTP client of somebody in another organization."""
    return server.client(server.new_member().key)


def test_of_many_with_the_same_bytes_one_is_kept(server: Server, api: httpx.Client) -> None:
    """Racing uploads of the same bytes: one 201, the others 409, one object."""
    no_thumbnail_waits(server)
    content, before = b"no picture " + os.urandom(5000), len(find_stored_objects(server))
    with ThreadPoolExecutor(8) as threads:
        answers = list(threads.map(lambda _: upload(api, content), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert len(find_stored_objects(server)) == before + 1
    assert count_unfinished_uploads(server) == 0
    assert items(server, hash=hashlib.sha3_512(content).digest()) == 1


def test_an_upload_is_safe_to_repeat(server: Server, api: httpx.Client) -> None:
    """Under one idempotency key the same upload is answered as the first was, to the byte, and its bytes kept once."""
    content, key = picture(), {"idempotency-key": f"key-{os.urandom(8).hex()}"}

    def send(content: bytes, **fields: str) -> httpx.Response:
        return api.post(UPLOAD, files={"file": ("a.jpg", content)}, data=fields, headers=key, timeout=120)

    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(lambda _: send(content), range(4)))
    wait_for_status(api, answers[0].json()["id"], ANCHORED)
    answers.append(send(content))
    assert {(answer.status_code, answer.content) for answer in answers} == {(201, answers[0].content)}
    assert sorted(answer.headers.get("idempotent-replayed", "") for answer in answers) == ["", *["true"] * 4]
    for other in (send(picture()), send(content, name="another"), send(content, anchor="false")):
        assert_media_error(other, 422, "IDEMPOTENCY_MISMATCH")
    digest = hashlib.sha3_512(content).digest()
    assert items(server, hash=digest) == 1
    assert server.query("select count(*) from blob where sha3_512 = $1", digest)[0][0] == 1
    assert count_unfinished_uploads(server) == 0


def form(*parts: tuple[str, bytes]) -> bytes:
    """A multipart body of parts, each with the rest of its Content-Disposition."""
    pieces = [
        b"--xyz\r\ncontent-disposition: form-data; " + head.encode() + b"\r\n\r\n" + body + b"\r\n"
        for head, body in parts
    ]
    return b"".join(pieces) + b"--xyz--\r\n"


FILE = ('name="file"; filename="a"', b"bytes of a bad upload")
BAD = {
    "no file": (form(('name="name"', b"x")), "file"),
    "file as a field": (form(('name="file"', b"x")), "file"),
    "two files": (form(FILE, FILE), "file"),
    "field as a file": (form(('name="name"; filename="a"', b"x"), FILE), "name"),
    "field twice": (form(FILE, ('name="name"', b"x"), ('name="name"', b"x")), "name"),
    "anchor neither": (form(FILE, ('name="anchor"', b"maybe")), "anchor"),
    "name too long": (form(FILE, ('name="name"', b"x" * 1025)), "name"),
    "name with NUL": (form(FILE, ('name="name"', b"a\0b")), "name"),
    "name no UTF-8": (form(FILE, ('name="name"', b"\xff")), "name"),
    "metadata too long": (form(FILE, ('name="metadata"', b"x" * 65_537)), "metadata"),
    "metadata far too long": (form(FILE, ('name="metadata"', b"x" * 600_000)), "metadata"),
    "cut off": (form(FILE)[:-20], "body"),
    "empty": (b"", "body"),
    "no form": (b"x" * 1000, "body"),
    "too many parts": (form(*[('name="x"', b"")] * 200, FILE), "body"),
}


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize(("body", "field"), BAD.values(), ids=BAD.keys())
def test_bad_forms_are_refused_and_nothing_kept(server: Server, api: httpx.Client, body: bytes, field: str) -> None:
    """A form that is broken, or holds what it must not, is 400 naming the field, and leaves nothing behind."""
    response = api.post(UPLOAD, content=body, headers={"content-type": "multipart/form-data; boundary=xyz"})
    assert_media_error(response, 400, "INVALID_REQUEST", field)
    assert items(server, hash=hashlib.sha3_512(FILE[1]).digest()) == 0
    assert_no_errors_logged(server)


@pytest.mark.usefixtures("nothing_kept")
@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", "", "multipart/form-data; boundary="])
def test_other_types_are_refused(api: httpx.Client, kind: str) -> None:
    """What is no multipart form is 400 that names Content-Type."""
    response = api.post(UPLOAD, content=form(FILE), headers={"content-type": kind} if kind else {})
    assert_media_error(response, 400, "INVALID_REQUEST", "content-type")


def test_too_large_an_upload_is_refused() -> None:
    """More bytes than the setting allows are 413, and not kept; as many as it allows are."""
    with new_server(max_upload_mib=1) as small, small.client() as api:
        for size in (MIB, 20 * MIB):
            assert_media_error(upload(api, b"x" * size), 413, "PAYLOAD_TOO_LARGE")
        assert find_stored_objects(small) == {}
        assert count_unfinished_uploads(small) == 0
        assert upload(api, b"x" * (MIB - 1000)).status_code == 201


def test_memory_does_not_grow_with_an_upload(tmp_path: Path) -> None:
    """A file far larger than the memory it may take passes through."""
    path = tmp_path / "large"
    with path.open("wb") as file:
        for _ in range(300):
            file.write(os.urandom(MIB))
    with new_server() as server, server.client() as api:
        assert server.process is not None
        assert upload(api, os.urandom(20 * MIB)).status_code == 201
        before = rss(server)
        with path.open("rb") as file:
            response = upload(api, file)
        assert response.status_code == 201, response.text
        assert response.json()["size"] == 300 * MIB
        assert rss(server) - before < 100 * MIB


def rss(server: Server) -> int:
    """The memory of the server's workers, bytes; the other processes may still be starting."""
    return sum(worker.memory_info().rss for worker in find_workers(server))


@pytest.mark.usefixtures("nothing_kept")
def test_an_upload_cut_off_leaves_nothing(server: Server, member: Member) -> None:
    """Whoever hangs up in the middle has uploaded nothing, and nothing of it stays."""
    address = urlsplit(server.url)
    head = (
        f"POST /v1/media HTTP/1.1\r\nhost: x\r\nx-api-key: {member.key}\r\ncontent-length: 50000000\r\n"
        "content-type: multipart/form-data; boundary=xyz\r\n\r\n"
        '--xyz\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n'
    )
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(head.encode() + os.urandom(20_000_000))
        wait_until(lambda: count_unfinished_uploads(server) == 1)
    wait_until(lambda: count_unfinished_uploads(server) == 0)


@pytest.mark.usefixtures("nothing_kept")
def test_an_upload_cleared_away_while_it_came_is_unavailable(server: Server, api: httpx.Client) -> None:
    """Whose bytes come so slowly that they are cleared away meanwhile is told to send them again; nothing stays."""
    body = form(FILE)

    def pieces() -> Iterator[bytes]:
        yield body[:-20]
        wait_until(lambda: count_unfinished_uploads(server) == 1)
        server.query("delete from blob where not kept")
        yield body[-20:]

    response = api.post(UPLOAD, content=pieces(), headers={"content-type": "multipart/form-data; boundary=xyz"})
    assert_media_error(response, 503, "UNAVAILABLE")


def test_what_a_killed_server_left_is_cleared_away() -> None:
    """An upload that a kill -9 cut off is cleared away, object and row, once it is a day old; what was kept stays."""
    with new_embedded_server() as server, server.client() as api:
        assert upload(api, b"kept").status_code == 201
        kept = find_stored_objects(server)
        orphan = server.data / "blobs" / "ff" / ("f" * 32)
        orphan.parent.mkdir(exist_ok=True)
        orphan.write_bytes(b"left behind")
        organization = server.query("select organization_id from media")[0][0]
        server.query(
            "insert into blob (id, organization_id, created_on) values ($1, $2, now() - interval '25 hours')",
            "f" * 32,
            organization,
        )
        server.kill()
        server.start()
        wait_until(lambda: count_unfinished_uploads(server) == 0)
        assert not orphan.exists()
        assert find_stored_objects(server) == kept


def test_a_store_that_fails_is_unavailable() -> None:
    """While the store takes nothing an upload is 503 and leaves nothing; afterwards it works again."""
    with new_server() as server, server.client() as api:
        folder = server.data / "blobs"
        aside = folder.rename(server.data / "aside")
        folder.write_bytes(b"no folder")
        assert_media_error(upload(api, b"x"), 503, "UNAVAILABLE")
        assert items(server, hash=hashlib.sha3_512(b"x").digest()) == 0
        folder.unlink()
        aside.rename(folder)
        response = upload(api, b"x")
        assert response.status_code == 201, response.text
        assert get_item(api, response.json()["id"])["size"] == 1


def test_bytes_of_a_commit_that_was_not_heard_of_stay(server: Server, api: httpx.Client) -> None:
    """Whoever clears away after a failure leaves alone what the database has kept after all."""
    item = upload(api, picture()).json()
    blob_id = server.query("select blob_id from media where id = $1", item["id"])[0][0]

    async def discard() -> None:
        database = Database(server.postgres_url, 1)
        await database.open()
        await BlobStore(database, ObjectStore("", server.data / "blobs")).discard(blob_id)
        await database.close()

    asyncio.run(discard())
    assert item["hash"] in find_stored_objects(server)
    assert server.query("select kept from blob where id = $1", blob_id)[0][0]


def test_scope_and_key_are_asked_for_first(server: Server) -> None:
    """Without a key 401, with one that may only read 403; the body is not looked at."""
    with server.client("") as anybody, server.client(server.new_member(scopes="media:read").key) as reader:
        assert_media_error(anybody.post(UPLOAD, content=b"x"), 401, "UNAUTHENTICATED")
        assert_media_error(reader.post(UPLOAD, content=b"x"), 403, "FORBIDDEN")
