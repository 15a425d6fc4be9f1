"""Uploads in JSON and to signed URLs: who may use them, limits, and what is deleted."""

import base64
import hashlib
import os
import socket
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import httpx
import psutil
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from _support.files import make_file, upload_bytes
from _support.organizations import Organization, User, new_organization
from _support.processes import find_workers
from _support.responses import assert_exchange_error
from _support.server_log import assert_no_errors_logged
from _support.servers import Server, new_server
from _support.stored_objects import THUMBNAILS
from _support.waiting import wait_until
from hallmarket.server.files.paths import MAX_NAME_LENGTH, clean_file_name

MIB = 1024 * 1024
BYTES = f"select count(*) from blob where not ({THUMBNAILS})"


def create_upload_url(who: User, **fields: Any) -> Any:
    """Create an upload URL."""
    return who.call("POST", "/files/upload-url", json={"file_name": "a.bin", **fields})


def put(url: str, content: Any, **headers: str) -> httpx.Response:
    """Upload bytes to a URL."""
    return httpx.put(url, content=content, headers=headers, trust_env=False, timeout=120)


def is_retained(server: Server, blob_id: Any) -> bool | None:
    """Whether a blob is retained; None once it is deleted."""
    rows = server.query("select kept from blob where id = $1", blob_id)
    return rows[0]["kept"] if rows else None


def blob_of(server: Server, upload_id: str) -> Any:
    """Return the blob id of an upload."""
    return server.query("select blob_id from upload where path = $1", upload_id.partition("/")[2])[0]["blob_id"]


def test_a_large_file_in_json(org: Organization) -> None:
    """A file of 16 MiB in JSON is stored exactly. A body over the limit is 413."""
    content = os.urandom(16 * MIB)
    upload = upload_bytes(org.admin, content, "large.bin")
    assert (upload["size"], upload["sha3_512"]) == (len(content), hashlib.sha3_512(content).hexdigest())
    too_much = {"file_name": "a", "file_base64": "A" * (32 * MIB)}
    refused = org.admin.client.post("/files/upload", json=too_much)
    assert_exchange_error(refused, 413, "payload_too_large")


@given(st.binary(max_size=200), st.booleans())
@settings(max_examples=15)
def test_any_bytes_in_json(org: Organization, content: bytes, escaped: bool) -> None:
    """Any bytes arrive unchanged, also if JSON escapes their base64."""
    text = base64.b64encode(content).decode()
    text = text.replace("/", "\\/").replace("A", "\\u0041") if escaped else text
    body = f'{{"file_name": "a", "file_base64": "{text}", "visibility": null, "more": [1]}}'
    response = org.admin.client.post("/files/upload", content=body)
    assert response.status_code == 200, response.text
    assert response.json()["data"]["sha3_512"] == hashlib.sha3_512(content).hexdigest()


BAD = {
    "empty": b"",
    "not JSON": b"{",
    "not an object": b"[]",
    "without bytes": b'{"file_name": "a"}',
    "without a name": b'{"file_base64": ""}',
    "name not a string": b'{"file_name": 5, "file_base64": ""}',
    "name too long": b'{"file_name": "%s", "file_base64": ""}' % (b"a" * (MAX_NAME_LENGTH + 1)),
    "bytes not a string": b'{"file_name": "a", "file_base64": 5}',
    "bytes null": b'{"file_name": "a", "file_base64": null}',
    "not base64": b'{"file_name": "a", "file_base64": "****"}',
    "base64url": b'{"file_name": "a", "file_base64": "_-__"}',
    "line breaks in base64": b'{"file_name": "a", "file_base64": "QUFB\\nQUFB"}',
    "truncated base64": b'{"file_name": "a", "file_base64": "QUF"}',
    "data after the padding": b'{"file_name": "a", "file_base64": "QUE=QUE="}',
    "padding in the middle": b'{"file_name": "a", "file_base64": "%s"}' % (b"A" * (MIB - 4) + b"AA==" + b"A" * 40),
    "unknown visibility": b'{"file_name": "a", "file_base64": "", "visibility": "secret"}',
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_invalid_bodies_are_rejected_and_nothing_is_stored(org: Organization, body: bytes) -> None:
    """An invalid body is 400, and stores nothing."""
    file = make_file(org.admin, b"as before", visibility="private")
    before = org.server.query(BYTES)
    for method, path in (("POST", "/files/upload"), ("PUT", f"/files/{file['id']}/content")):
        assert_exchange_error(org.admin.client.request(method, path, content=body), 400, "invalid_request")
    assert org.server.query(BYTES) == before
    assert org.admin.call("GET", f"/files/{file['id']}/metadata")["metadata"]["size"] == len(b"as before")
    assert_no_errors_logged(org.server)


def test_only_the_sender_can_use_an_upload(org: Organization) -> None:
    """Other people, and keys bound to another organization, can neither see, use, discard nor take an upload."""
    bound = upload_bytes(org.admin, b"mine")
    victim = make_file(org.admin, b"as before", visibility="organization")
    free = org.with_unbound_key(org.admin)
    personal = upload_bytes(free, b"mine alone")
    for who, upload in ((org.new_user(), bound), (org.new_outsider(), bound), (org.admin, personal)):
        own = make_file(who, b"own", visibility="private")
        body = {"upload_id": upload["upload_id"]}
        source = {"metadata": {"bucket": upload["bucket"], "path": upload["path"]}}
        who.call("POST", "/files/upload/complete", 404, json=body)
        who.call("DELETE", "/files/upload", 404, json=body)
        who.call("GET", f"/files/{upload['id']}/metadata", 404)
        who.call("POST", "/files/create", 404, json={"file": {"id": upload["id"], "name": "theirs"}})
        who.call("PUT", f"/files/{own['id']}", 404, json={"file": source})
    assert victim["role"] == "admin"
    assert free.call("POST", "/files/create", json={"file": {"id": bound["id"], "name": "mine"}})["id"] == bound["id"]
    made = free.call("POST", "/files/create", json={"file": {"id": personal["id"], "name": "mine"}})
    assert (made["organization"]["name"], made["visibility"]) == ("all", "private")


def test_a_second_upload_replaces_the_first(org: Organization) -> None:
    """An upload URL accepts bytes until they become a file. The last bytes count, and earlier ones are released."""
    server, upload = org.server, create_upload_url(org.admin)
    assert put(upload["upload_url"], b"first").status_code == 200
    first = blob_of(server, upload["upload_id"])
    answer = put(upload["upload_url"], b"second").json()["data"]
    assert answer == {"size": 6, "sha3_512": hashlib.sha3_512(b"second").hexdigest()}
    assert is_retained(server, first) in (False, None)
    completed = org.admin.call("POST", "/files/upload/complete", json={"upload_id": upload["upload_id"]})
    assert completed["sha3_512"] == answer["sha3_512"]


def test_only_one_file_is_made_of_an_upload(org: Organization) -> None:
    """Of several concurrent requests that make a file of an upload, exactly one succeeds."""
    upload = upload_bytes(org.admin, os.urandom(30))
    body = {"file": {"id": upload["id"], "name": "one"}}
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: org.admin.client.post("/files/create", json=body), range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [404] * 5


def test_a_rejected_creation_keeps_the_upload(org: Organization) -> None:
    """A rejected creation changes nothing, and the upload can still become a file."""
    upload = upload_bytes(org.admin, b"waits")
    body = {"file": {"id": upload["id"], "name": "x", "visibility": "public"}}
    org.admin.call("POST", "/files/create", 403, json=body)
    body["file"]["visibility"] = "private"
    assert org.admin.call("POST", "/files/create", json=body)["metadata"]["size"] == 5


def test_an_aborted_upload_stores_nothing(org: Organization) -> None:
    """If the client disconnects during an upload, nothing is stored, and an earlier body stays."""
    upload = create_upload_url(org.admin)
    put(upload["upload_url"], b"first")
    address = urlsplit(upload["upload_url"])
    before = org.server.query(BYTES)
    arriving = f"{BYTES} and not kept and released_on is null"
    with socket.create_connection((address.hostname, address.port)) as connection:
        head = f"PUT {address.path} HTTP/1.1\r\nhost: x\r\ncontent-length: 50000000\r\n\r\n"
        connection.sendall(head.encode() + os.urandom(3_000_000))
        wait_until(lambda: org.server.query(arriving)[0][0] > 0)
    wait_until(lambda: org.server.query(BYTES) == before)
    completed = org.admin.call("POST", "/files/upload/complete", json={"upload_id": upload["upload_id"]})
    assert completed["size"] == 5


def test_too_large_an_upload_is_rejected() -> None:
    """More bytes than the setting allows are 413 and not stored. Memory does not grow with the size of an upload."""
    with new_server(max_upload_mib=300) as server, new_organization(server) as org:
        upload = create_upload_url(org.admin)
        assert put(upload["upload_url"], os.urandom(20 * MIB)).status_code == 200
        (worker,) = find_workers(server)
        before = peak_kib(worker)
        piece = os.urandom(MIB)
        answer = put(upload["upload_url"], (piece for _ in range(300)))
        assert answer.json()["data"]["size"] == 300 * MIB
        assert peak_kib(worker) - before < 64 * 1024
        with httpx.stream("GET", download_url(org.admin, upload), trust_env=False) as response:
            assert sum(len(piece) for piece in response.iter_bytes(MIB)) == 300 * MIB
        assert peak_kib(worker) - before < 64 * 1024
        objects = server.query("select count(*) from blob")
        refused = put(upload["upload_url"], (piece for _ in range(301)))
        assert_exchange_error(refused, 413, "payload_too_large")
        assert server.query("select count(*) from blob") == objects


def download_url(who: User, upload: Any) -> str:
    """Return the URL that downloads an upload's bytes."""
    body = {"upload_id": upload["upload_id"], "download": True}
    return str(who.call("POST", "/files/upload/complete", json=body)["download_url"])


def peak_kib(process: psutil.Process) -> int:
    """Return the peak memory of a process in KiB."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


@given(st.text(max_size=1100))
@settings(max_examples=200)
def test_any_name_becomes_a_valid_file_name(name: str) -> None:
    """Any name becomes a name that is not a path, not empty and not too long."""
    cleaned = clean_file_name(name)
    assert 0 < len(cleaned) <= MAX_NAME_LENGTH
    assert not set(cleaned) & set("/\\\0\r\n")
    assert clean_file_name(cleaned) == cleaned


def test_hostile_names(org: Organization) -> None:
    """A name with folders or control characters, or an empty name, becomes a plain name after the id in the path."""
    names = {"../../etc/passwd": "passwd", "C:\\a\\b.txt": "b.txt", "a\r\nb\0.csv": "ab.csv", "/": "file", "": "file"}
    for given_name, name in names.items():
        upload = upload_bytes(org.admin, b"x", given_name)
        assert (upload["file_name"], upload["path"]) == (name, f"{upload['id']}/{name}")


def test_invalid_requests_are_rejected(org: Organization) -> None:
    """Invalid and unknown upload ids are 404. Bodies without required fields are 400."""
    for text in ("", "x", "files", "files/", "files/x/y", f"files/{uuid4()}", f"files/{uuid4()}/a", "/" * 900):
        for method, path in (("POST", "/files/upload/complete"), ("DELETE", "/files/upload")):
            org.admin.call(method, path, 404, json={"upload_id": text})
    for path in ("/files/upload-url", "/files/upload/complete", "/files/create"):
        org.admin.call("POST", path, 400, json={})
