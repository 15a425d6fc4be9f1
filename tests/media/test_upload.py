"""`POST /v1/media`: uploads, whose bytes are stored and fingerprinted as they arrive, and anchored."""

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
    """Upload a file."""
    return api.post(UPLOAD, files={"file": (filename, content)}, data=fields, timeout=120)


def picture() -> bytes:
    """Return a new JPEG image."""
    file = io.BytesIO()
    Image.frombytes("RGB", (64, 48), os.urandom(64 * 48 * 3)).save(file, "JPEG")
    return file.getvalue()


def count_items(server: Server, hash: bytes) -> int:  # noqa: A002 (the column's name)
    """Count the items with this hash, of all organizations and with any status."""
    return int(server.query("select count(*) from media where hash = $1", hash)[0][0])


def wait_for_thumbnails(server: Server) -> None:
    """Wait until no thumbnail is waiting to be made."""
    wait_until(lambda: not server.query("select 1 from preview where state = 'waiting' limit 1"))


@pytest.fixture
def nothing_stored(server: Server) -> Iterator[None]:
    """Fail if the test leaves an object in the store, or an unfinished upload."""
    wait_for_thumbnails(server)
    before = find_stored_objects(server)
    yield
    wait_for_thumbnails(server)
    assert find_stored_objects(server).items() <= before.items()
    assert count_unfinished_uploads(server) == 0


def test_bytes_are_stored_and_anchored(server: Server, api: httpx.Client) -> None:
    """An upload stores the bytes, and anchors an item with their hash."""
    content = picture()
    response = upload(api, content, "scans/1944/../front page.jpg", metadata='{"box": 12}')
    assert response.status_code == 201, response.text
    item = response.json()
    digest = hashlib.sha3_512(content).hexdigest()
    assert (item["hash"], item["size"], item["name"]) == (digest, len(content), "front page.jpg")
    assert (item["metadata"], item["status"], item["thumbnail"]) == ('{"box": 12}', ACCEPTED, None)
    assert wait_for_status(api, item["id"], ANCHORED)["transaction"] is not None
    with server.client("") as client:
        assert client.get(f"/v1/public/media/{digest}").json()["name"] == "front page.jpg"
    assert find_stored_objects(server)[digest].read_bytes() == content
    assert count_unfinished_uploads(server) == 0
    assert_no_errors_logged(server)


def test_an_upload_can_be_anchored_later(api: httpx.Client, server: Server) -> None:
    """With `anchor=false` the item is only created, and not found by look-ups until it is anchored by its id."""
    content = picture()
    item = upload(api, content, anchor="false").json()
    digest = hashlib.sha3_512(content).hexdigest()
    assert item["status"] == CREATED
    assert api.get(f"/v1/public/media/{digest}").status_code == 404
    refused = request_anchor(api, id=item["id"])
    assert_media_error(refused, 400, "INVALID_REQUEST", "hash")
    accepted = request_anchor(api, id=item["id"], hash=digest, size=len(content), name="photo.jpg")
    assert (accepted.status_code, accepted.json()["id"]) == (200, item["id"])
    wait_for_status(api, item["id"], ANCHORED)
    assert count_items(server, hash=bytes.fromhex(digest)) == 1


@pytest.mark.parametrize("content", [b"", b"x", b"\r\n--xyz--\r\n", os.urandom(3 * MIB + 1)])
def test_any_bytes_are_stored_unchanged(server: Server, api: httpx.Client, content: bytes) -> None:
    """Empty files, bytes that look like a boundary, and files of odd sizes are stored byte for byte."""
    item = upload(api, content, "any", anchor="false").json()
    assert item["hash"] == hashlib.sha3_512(content).hexdigest()
    assert item["size"] == len(content)
    assert find_stored_objects(server)[item["hash"]].read_bytes() == content


def test_the_default_name_is_the_files_own(api: httpx.Client) -> None:
    """`name` overrides the file's own name, which is used without its path, or null if nothing is left."""
    names = {"C:\\scans\\a.tif": "a.tif", "../../etc/passwd": "passwd", "ü/写真.jpg": "写真.jpg", "/": None}
    for filename, name in names.items():
        assert upload(api, os.urandom(9), filename, anchor="false").json()["name"] == name
    assert upload(api, os.urandom(9), "a.jpg", name="The name", anchor="false").json()["name"] == "The name"


@pytest.mark.usefixtures("nothing_stored")
def test_anchored_bytes_are_a_duplicate(server: Server, member: Member) -> None:
    """Bytes that are anchored already, by upload or by fingerprint, are 409 and not stored again."""
    with new_member_api(server) as other, server.client(member.key) as api:
        content = os.urandom(2000)
        digest = hashlib.sha3_512(content).hexdigest()
        item_id = anchor(other, hash=digest, size=2000)
        assert assert_media_error(upload(api, content), 409, "DUPLICATE")["details"] is None
        assert assert_media_error(upload(other, content), 409, "DUPLICATE")["details"] == {"id": item_id}
        assert count_items(server, hash=bytes.fromhex(digest)) == 1


def new_member_api(server: Server) -> Any:
    """Return a client of a member of another organization."""
    return server.client(server.new_member().key)


def test_concurrent_uploads_of_the_same_bytes_store_one(server: Server, api: httpx.Client) -> None:
    """Of concurrent uploads of the same bytes one is 201, the others are 409, and one object is stored."""
    wait_for_thumbnails(server)
    content, before = b"no image " + os.urandom(5000), len(find_stored_objects(server))
    with ThreadPoolExecutor(8) as threads:
        responses = list(threads.map(lambda _: upload(api, content), range(8)))
    assert sorted(response.status_code for response in responses) == [201] + [409] * 7
    assert len(find_stored_objects(server)) == before + 1
    assert count_unfinished_uploads(server) == 0
    assert count_items(server, hash=hashlib.sha3_512(content).digest()) == 1


def test_a_repeated_upload_is_replayed(server: Server, api: httpx.Client) -> None:
    """A repeated upload with the same key gets the first response byte for byte, and its bytes are stored once."""
    content, key = picture(), {"idempotency-key": f"key-{os.urandom(8).hex()}"}

    def send(content: bytes, **fields: str) -> httpx.Response:
        return api.post(UPLOAD, files={"file": ("a.jpg", content)}, data=fields, headers=key, timeout=120)

    with ThreadPoolExecutor(4) as threads:
        responses = list(threads.map(lambda _: send(content), range(4)))
    wait_for_status(api, responses[0].json()["id"], ANCHORED)
    responses.append(send(content))
    assert {(response.status_code, response.content) for response in responses} == {(201, responses[0].content)}
    assert sorted(response.headers.get("idempotent-replayed", "") for response in responses) == ["", *["true"] * 4]
    for other in (send(picture()), send(content, name="another"), send(content, anchor="false")):
        assert_media_error(other, 422, "IDEMPOTENCY_MISMATCH")
    digest = hashlib.sha3_512(content).digest()
    assert count_items(server, hash=digest) == 1
    assert server.query("select count(*) from blob where sha3_512 = $1", digest)[0][0] == 1
    assert count_unfinished_uploads(server) == 0


def form(*parts: tuple[str, bytes]) -> bytes:
    """Return a multipart body. Each part has the parameters of its Content-Disposition."""
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
    "anchor not a flag": (form(FILE, ('name="anchor"', b"maybe")), "anchor"),
    "name too long": (form(FILE, ('name="name"', b"x" * 1025)), "name"),
    "name with NUL": (form(FILE, ('name="name"', b"a\0b")), "name"),
    "name not UTF-8": (form(FILE, ('name="name"', b"\xff")), "name"),
    "metadata too long": (form(FILE, ('name="metadata"', b"x" * 65_537)), "metadata"),
    "metadata far too long": (form(FILE, ('name="metadata"', b"x" * 600_000)), "metadata"),
    "cut off": (form(FILE)[:-20], "body"),
    "empty": (b"", "body"),
    "not a form": (b"x" * 1000, "body"),
    "too many parts": (form(*[('name="x"', b"")] * 200, FILE), "body"),
}


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize(("body", "field"), BAD.values(), ids=BAD.keys())
def test_a_bad_form_stores_nothing(server: Server, api: httpx.Client, body: bytes, field: str) -> None:
    """An invalid form is 400 with the field, and leaves nothing stored."""
    response = api.post(UPLOAD, content=body, headers={"content-type": "multipart/form-data; boundary=xyz"})
    assert_media_error(response, 400, "INVALID_REQUEST", field)
    assert count_items(server, hash=hashlib.sha3_512(FILE[1]).digest()) == 0
    assert_no_errors_logged(server)


@pytest.mark.usefixtures("nothing_stored")
@pytest.mark.parametrize("kind", ["application/json", "multipart/form-data", "", "multipart/form-data; boundary="])
def test_other_content_types_are_400(api: httpx.Client, kind: str) -> None:
    """A body that is no multipart form is 400 with the header as the field."""
    response = api.post(UPLOAD, content=form(FILE), headers={"content-type": kind} if kind else {})
    assert_media_error(response, 400, "INVALID_REQUEST", "content-type")


def test_an_upload_that_is_too_large_is_413() -> None:
    """An upload above the configured size is 413 and not stored; one just below it is accepted."""
    with new_server(max_upload_mib=1) as small, small.client() as api:
        for size in (MIB, 20 * MIB):
            assert_media_error(upload(api, b"x" * size), 413, "PAYLOAD_TOO_LARGE")
        assert find_stored_objects(small) == {}
        assert count_unfinished_uploads(small) == 0
        assert upload(api, b"x" * (MIB - 1000)).status_code == 201


def test_memory_does_not_grow_with_an_upload(tmp_path: Path) -> None:
    """A file of 300 MiB is uploaded with less than 100 MiB of additional memory."""
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
    """Return the memory of the server's workers in bytes. Other processes may still be starting."""
    return sum(worker.memory_info().rss for worker in find_workers(server))


@pytest.mark.usefixtures("nothing_stored")
def test_an_interrupted_upload_stores_nothing(server: Server, member: Member) -> None:
    """If the client disconnects during an upload, nothing is stored."""
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


@pytest.mark.usefixtures("nothing_stored")
def test_an_upload_that_is_deleted_while_it_arrives_is_503(server: Server, api: httpx.Client) -> None:
    """If cleanup deletes a slow upload while it arrives, the response is 503 and nothing is stored."""
    body = form(FILE)

    def chunks() -> Iterator[bytes]:
        yield body[:-20]
        wait_until(lambda: count_unfinished_uploads(server) == 1)
        server.query("delete from blob where not kept")
        yield body[-20:]

    response = api.post(UPLOAD, content=chunks(), headers={"content-type": "multipart/form-data; boundary=xyz"})
    assert_media_error(response, 503, "UNAVAILABLE")


def test_uploads_of_a_killed_server_are_deleted() -> None:
    """An upload that was interrupted by kill -9 is deleted after a day, object and row. Complete uploads stay."""
    with new_embedded_server() as server, server.client() as api:
        assert upload(api, b"complete").status_code == 201
        complete = find_stored_objects(server)
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
        assert find_stored_objects(server) == complete


def test_a_failing_store_is_503() -> None:
    """While the store fails, an upload is 503 and stores nothing. Afterwards uploads work again."""
    with new_server() as server, server.client() as api:
        folder = server.data / "blobs"
        moved = folder.rename(server.data / "moved")
        folder.write_bytes(b"not a folder")
        assert_media_error(upload(api, b"x"), 503, "UNAVAILABLE")
        assert count_items(server, hash=hashlib.sha3_512(b"x").digest()) == 0
        folder.unlink()
        moved.rename(folder)
        response = upload(api, b"x")
        assert response.status_code == 201, response.text
        assert get_item(api, response.json()["id"])["size"] == 1


def test_committed_bytes_are_not_discarded(server: Server, api: httpx.Client) -> None:
    """Discarding after an error does not delete bytes whose upload was committed after all."""
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


def test_the_key_is_checked_before_the_body(server: Server) -> None:
    """Without a key an upload is 401, with a key that can only read 403, whatever the body."""
    with server.client("") as client, server.client(server.new_member(scopes="media:read").key) as reader:
        assert_media_error(client.post(UPLOAD, content=b"x"), 401, "UNAUTHENTICATED")
        assert_media_error(reader.post(UPLOAD, content=b"x"), 403, "FORBIDDEN")
