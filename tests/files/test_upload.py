"""Sending bytes: inside JSON and to addresses, whose they are, what becomes of those that nobody wants."""

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


def begin(who: User, **fields: Any) -> Any:
    """An address to send bytes to."""
    return who.call("POST", "/files/upload-url", json={"file_name": "a.bin", **fields})


def put(url: str, content: Any, **headers: str) -> httpx.Response:
    """The answer to bytes sent to an address."""
    return httpx.put(url, content=content, headers=headers, trust_env=False, timeout=120)


def kept(server: Server, blob_id: Any) -> bool | None:
    """Whether bytes are kept; None once they are cleared away."""
    rows = server.query("select kept from blob where id = $1", blob_id)
    return rows[0]["kept"] if rows else None


def blob_of(server: Server, upload_id: str) -> Any:
    """The bytes of an upload, by its id on the wire."""
    return server.query("select blob_id from upload where path = $1", upload_id.partition("/")[2])[0]["blob_id"]


def test_a_large_file_inside_json(org: Organization) -> None:
    """More than 16 MiB of JSON is taken, to the byte; too much is 413."""
    content = os.urandom(16 * MIB)
    sent = upload_bytes(org.admin, content, "large.bin")
    assert (sent["size"], sent["sha3_512"]) == (len(content), hashlib.sha3_512(content).hexdigest())
    too_much = {"file_name": "a", "file_base64": "A" * (32 * MIB)}
    refused = org.admin.client.post("/files/upload", json=too_much)
    assert_exchange_error(refused, 413, "payload_too_large")


@given(st.binary(max_size=200), st.booleans())
@settings(max_examples=15)
def test_any_bytes_inside_json(org: Organization, content: bytes, escaped: bool) -> None:
    """Whatever bytes, and however JSON writes their letters: they arrive as they are."""
    text = base64.b64encode(content).decode()
    text = text.replace("/", "\\/").replace("A", "\\u0041") if escaped else text
    body = f'{{"file_name": "a", "file_base64": "{text}", "visibility": null, "more": [1]}}'
    response = org.admin.client.post("/files/upload", content=body)
    assert response.status_code == 200, response.text
    assert response.json()["data"]["sha3_512"] == hashlib.sha3_512(content).hexdigest()


BAD = {
    "empty": b"",
    "no JSON": b"{",
    "no object": b"[]",
    "no bytes": b'{"file_name": "a"}',
    "no name": b'{"file_base64": ""}',
    "name no text": b'{"file_name": 5, "file_base64": ""}',
    "name too long": b'{"file_name": "%s", "file_base64": ""}' % (b"a" * (MAX_NAME_LENGTH + 1)),
    "bytes no text": b'{"file_name": "a", "file_base64": 5}',
    "bytes null": b'{"file_name": "a", "file_base64": null}',
    "no base64": b'{"file_name": "a", "file_base64": "****"}',
    "URL's base64": b'{"file_name": "a", "file_base64": "_-__"}',
    "line ends inside": b'{"file_name": "a", "file_base64": "QUFB\\nQUFB"}',
    "without its end": b'{"file_name": "a", "file_base64": "QUF"}',
    "more behind its end": b'{"file_name": "a", "file_base64": "QUE=QUE="}',
    "end in the middle": b'{"file_name": "a", "file_base64": "%s"}' % (b"A" * (MIB - 4) + b"AA==" + b"A" * 40),
    "no visibility": b'{"file_name": "a", "file_base64": "", "visibility": "secret"}',
}


@pytest.mark.parametrize("body", BAD.values(), ids=BAD)
def test_bad_bodies_are_refused_and_nothing_kept(org: Organization, body: bytes) -> None:
    """What is no file inside JSON is 400, and leaves nothing behind."""
    file = make_file(org.admin, b"as before", visibility="private")
    before = org.server.query(BYTES)
    for method, path in (("POST", "/files/upload"), ("PUT", f"/files/{file['id']}/content")):
        assert_exchange_error(org.admin.client.request(method, path, content=body), 400, "invalid_request")
    assert org.server.query(BYTES) == before
    assert org.admin.call("GET", f"/files/{file['id']}/metadata")["metadata"]["size"] == len(b"as before")
    assert_no_errors_logged(org.server)


def test_an_upload_is_its_senders_own(org: Organization) -> None:
    """Nobody else sees, uses, discards or takes an upload, and a key of another organization is somebody else."""
    sent = upload_bytes(org.admin, b"mine")
    victim = make_file(org.admin, b"as before", visibility="organization")
    free = org.with_unbound_key(org.admin)
    personal = upload_bytes(free, b"mine alone")
    for who, upload in ((org.new_user(), sent), (org.new_outsider(), sent), (org.admin, personal)):
        own = make_file(who, b"own", visibility="private")
        whole = {"upload_id": upload["upload_id"]}
        source = {"metadata": {"bucket": upload["bucket"], "path": upload["path"]}}
        who.call("POST", "/files/upload/complete", 404, json=whole)
        who.call("DELETE", "/files/upload", 404, json=whole)
        who.call("GET", f"/files/{upload['id']}/metadata", 404)
        who.call("POST", "/files/create", 404, json={"file": {"id": upload["id"], "name": "theirs"}})
        who.call("PUT", f"/files/{own['id']}", 404, json={"file": source})
    assert victim["role"] == "admin"
    assert free.call("POST", "/files/create", json={"file": {"id": sent["id"], "name": "mine"}})["id"] == sent["id"]
    made = free.call("POST", "/files/create", json={"file": {"id": personal["id"], "name": "mine"}})
    assert (made["organization"]["name"], made["visibility"]) == ("all", "private")


def test_what_is_sent_again_comes_in_place(org: Organization) -> None:
    """An address takes bytes until a file is made of them; the last count, and those before are let go of."""
    server, begun = org.server, begin(org.admin)
    assert put(begun["upload_url"], b"first").status_code == 200
    first = blob_of(server, begun["upload_id"])
    answer = put(begun["upload_url"], b"second").json()["data"]
    assert answer == {"size": 6, "sha3_512": hashlib.sha3_512(b"second").hexdigest()}
    assert kept(server, first) in (False, None)
    told = org.admin.call("POST", "/files/upload/complete", json={"upload_id": begun["upload_id"]})
    assert told["sha3_512"] == answer["sha3_512"]


def test_only_one_file_is_made_of_an_upload(org: Organization) -> None:
    """Of many who make a file of one upload at once, one does."""
    sent = upload_bytes(org.admin, os.urandom(30))
    body = {"file": {"id": sent["id"], "name": "one"}}
    with ThreadPoolExecutor(6) as threads:
        answers = list(threads.map(lambda _: org.admin.client.post("/files/create", json=body), range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [404] * 5


def test_a_refused_file_leaves_the_upload(org: Organization) -> None:
    """A file that cannot be made changes nothing: its upload waits for a better request."""
    sent = upload_bytes(org.admin, b"waits")
    body = {"file": {"id": sent["id"], "name": "x", "visibility": "public"}}
    org.admin.call("POST", "/files/create", 403, json=body)
    body["file"]["visibility"] = "private"
    assert org.admin.call("POST", "/files/create", json=body)["metadata"]["size"] == 5


def test_an_upload_cut_off_leaves_nothing(org: Organization) -> None:
    """Whoever hangs up in the middle has sent nothing, and what came before stays."""
    begun = begin(org.admin)
    put(begun["upload_url"], b"first")
    address = urlsplit(begun["upload_url"])
    before = org.server.query(BYTES)
    coming = f"{BYTES} and not kept and released_on is null"
    with socket.create_connection((address.hostname, address.port)) as connection:
        head = f"PUT {address.path} HTTP/1.1\r\nhost: x\r\ncontent-length: 50000000\r\n\r\n"
        connection.sendall(head.encode() + os.urandom(3_000_000))
        wait_until(lambda: org.server.query(coming)[0][0] > 0)
    wait_until(lambda: org.server.query(BYTES) == before)
    told = org.admin.call("POST", "/files/upload/complete", json={"upload_id": begun["upload_id"]})
    assert told["size"] == 5


def test_too_large_an_upload_is_refused() -> None:
    """More bytes than the setting allows are 413 and not kept; memory does not grow with as many as it does."""
    with new_server(max_upload_mib=300) as server, new_organization(server) as org:
        begun = begin(org.admin)
        assert put(begun["upload_url"], os.urandom(20 * MIB)).status_code == 200
        (worker,) = find_workers(server)
        before = peak_kib(worker)
        piece = os.urandom(MIB)
        answer = put(begun["upload_url"], (piece for _ in range(300)))
        assert answer.json()["data"]["size"] == 300 * MIB
        assert peak_kib(worker) - before < 64 * 1024
        with httpx.stream("GET", url_of(org.admin, begun), trust_env=False) as response:
            assert sum(len(piece) for piece in response.iter_bytes(MIB)) == 300 * MIB
        assert peak_kib(worker) - before < 64 * 1024
        objects = server.query("select count(*) from blob")
        refused = put(begun["upload_url"], (piece for _ in range(301)))
        assert_exchange_error(refused, 413, "payload_too_large")
        assert server.query("select count(*) from blob") == objects


def url_of(who: User, begun: Any) -> str:
    """Where an upload's bytes are read again."""
    wanted = {"upload_id": begun["upload_id"], "download": True}
    return str(who.call("POST", "/files/upload/complete", json=wanted)["download_url"])


def peak_kib(process: psutil.Process) -> int:
    """The most memory that a process has had."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])


@given(st.text(max_size=1100))
@settings(max_examples=200)
def test_any_name_is_made_one(name: str) -> None:
    """Whatever bytes are called: a name that is no path, not empty, and not too long."""
    cleaned = clean_file_name(name)
    assert 0 < len(cleaned) <= MAX_NAME_LENGTH
    assert not set(cleaned) & set("/\\\0\r\n")
    assert clean_file_name(cleaned) == cleaned


def test_hostile_names_go_nowhere(org: Organization) -> None:
    """A name with folders, controls or nothing in it is kept as a name, and stands in the wire's path behind the id."""
    names = {"../../etc/passwd": "passwd", "C:\\a\\b.txt": "b.txt", "a\r\nb\0.csv": "ab.csv", "/": "file", "": "file"}
    for given_name, name in names.items():
        sent = upload_bytes(org.admin, b"x", given_name)
        assert (sent["file_name"], sent["path"]) == (name, f"{sent['id']}/{name}")


def test_nonsense_is_refused(org: Organization) -> None:
    """Upload ids that are none, or nobody's, are 404; bodies without what is needed are 400."""
    for text in ("", "x", "files", "files/", "files/x/y", f"files/{uuid4()}", f"files/{uuid4()}/a", "/" * 900):
        for method, path in (("POST", "/files/upload/complete"), ("DELETE", "/files/upload")):
            org.admin.call(method, path, 404, json={"upload_id": text})
    for path in ("/files/upload-url", "/files/upload/complete", "/files/create"):
        org.admin.call("POST", path, 400, json={})
