"""Downloads: whole and in part, by token and by signed address, under names that mean no good."""

import hashlib
import os
import re
import secrets
import unicodedata
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from _support.assets import make_asset
from _support.databases import copy_empty_cluster
from _support.files import make_file
from _support.organizations import Organization, User, new_organization
from _support.ports import free_port
from _support.processes import find_workers
from _support.responses import assert_exchange_error
from _support.server_log import assert_no_errors_logged
from _support.servers import Server, new_server
from _support.stored_objects import find_stored_objects
from _support.waiting import wait_until
from hallmarket.server.catalog.content_disposition import MAX_BYTES, content_disposition, safe_file_name

CONTENT = bytes(range(256)) * 40
SIZE = len(CONTENT)


@pytest.fixture(scope="module")
def org(server: Server) -> Iterator[Organization]:
    """A new organization of the shared server, with an administrator."""
    with new_organization(server) as made:
        yield made


@pytest.fixture(scope="module")
def file(org: Organization) -> Any:
    """The administrator's private file."""
    return make_file(org.admin, CONTENT, "any.bin", visibility="private")


@pytest.fixture(scope="module")
def url(org: Organization, file: Any) -> str:
    """Its address, which needs no token."""
    return str(org.admin.call("POST", f"/assets/{file['id']}/download-url")["download_url"])


def get(url: str, method: str = "GET", content: bytes | None = None, **headers: str) -> httpx.Response:
    """The answer to somebody without a token; underscores in names of headers stand for hyphens."""
    sent = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.request(method, url, content=content, headers=sent, trust_env=False)


def test_whole_by_token(org: Organization, file: Any) -> None:
    """A POST gives all bytes, says what they are, and lets no browser run them."""
    for options in ({}, {"json": {}}, {"json": {"asset_type": "file"}}):
        response = org.admin.client.post(f"/assets/{file['id']}/download", **options)
        assert (response.status_code, response.content) == (200, CONTENT)
    told = response.headers
    assert told["content-disposition"] == "attachment; filename=\"any.bin\"; filename*=UTF-8''any.bin"
    assert (told["content-type"], told["content-length"]) == ("application/octet-stream", str(SIZE))
    assert told["etag"] == f'"{hashlib.sha3_512(CONTENT).hexdigest()}"'
    assert (told["x-content-type-options"], told["cache-control"]) == ("nosniff", "private, no-cache")
    assert told["content-security-policy"].startswith("sandbox")


def test_head_tells_the_size(url: str) -> None:
    """HEAD has the headers of the GET, and no body."""
    head, whole = get(url, "HEAD"), get(url)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "etag", "content-disposition", "accept-ranges"):
        assert head.headers[name] == whole.headers[name]


PARTS = {
    "bytes=0-0": (0, 0),
    "bytes=0-499": (0, 499),
    "bytes=500-": (500, SIZE - 1),
    "bytes=-500": (SIZE - 500, SIZE - 1),
    f"bytes=-{SIZE + 1}": (0, SIZE - 1),
    f"bytes=7-{10**18}": (7, SIZE - 1),
    f"bytes={SIZE - 1}-": (SIZE - 1, SIZE - 1),
}


@pytest.mark.parametrize("asked", PARTS)
def test_one_part(url: str, asked: str) -> None:
    """A part that is there is 206 with exactly those bytes, by HEAD without them."""
    first, last = PARTS[asked]
    response = get(url, range=asked)
    assert (response.status_code, response.content) == (206, CONTENT[first : last + 1])
    assert response.headers["content-range"] == f"bytes {first}-{last}/{SIZE}"
    head = get(url, "HEAD", range=asked)
    assert (head.status_code, head.content, head.headers["content-length"]) == (206, b"", str(last - first + 1))


@pytest.mark.parametrize("asked", [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 9}", "bytes=-0"])
def test_part_behind_the_end(url: str, asked: str) -> None:
    """A part that is not there is 416, and says how much there is."""
    response = get(url, range=asked)
    assert_exchange_error(response, 416, "range_not_satisfiable")
    assert response.headers["content-range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "asked", ["bytes=0-1,5-6", "bytes=9-5", "bytes=-", "bytes=x-", "lines=1-2", "", "bytes=" + "9" * 30]
)
def test_what_is_no_single_part_is_all(url: str, asked: str) -> None:
    """Several parts at once, and what nobody understands, are answered with everything."""
    response = get(url, range=asked)
    assert (response.status_code, response.content) == (200, CONTENT)


def test_conditions(url: str) -> None:
    """Whoever has the bytes gets 304; a part is given only of the bytes that its asker began with."""
    etag = get(url).headers["etag"]
    for known in (etag, f'"x", W/{etag}', "*"):
        response = get(url, if_none_match=known)
        assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", etag)
    assert get(url, if_none_match='"x"').status_code == 200
    assert get(url, range="bytes=0-4", if_range=etag).content == CONTENT[:5]
    for other in ('"x"', f"W/{etag}", "Sun, 22 Nov 2026 03:00:00 GMT"):
        assert get(url, range="bytes=0-4", if_range=other).content == CONTENT


def test_an_empty_file(org: Organization) -> None:
    """Nothing is something one can have, and has no parts."""
    file = make_file(org.admin, b"", "empty", visibility="private")
    url = org.admin.call("GET", f"/files/{file['id']}/data")["url"]
    response = get(url)
    assert (response.status_code, response.content, response.headers["content-length"]) == (200, b"", "0")
    assert get(url, range="bytes=0-").status_code == 416


def test_larger_than_a_piece(org: Organization) -> None:
    """What is read in several pieces arrives whole, and so does a part that begins in one and ends in another."""
    content = os.urandom(3 * 1024 * 1024 + 17)
    file = make_file(org.admin, content, visibility="private")
    url = org.admin.call("GET", f"/files/{file['id']}/data")["url"]
    assert get(url).content == content
    assert get(url, range="bytes=1000000-2500000").content == content[1_000_000:2_500_001]


def test_what_cannot_be_sent_to_its_end_is_broken_off(org: Organization) -> None:
    """If bytes are missing from the store, nobody takes a part for the whole: 503, or a connection that breaks off."""
    content = os.urandom(3 * 1024 * 1024)
    file = make_file(org.admin, content, visibility="private")
    url = org.admin.call("GET", f"/files/{file['id']}/data")["url"]
    path = find_stored_objects(org.server)[hashlib.sha3_512(content).hexdigest()]
    os.truncate(path, 2_500_000)
    with pytest.raises(httpx.RemoteProtocolError):
        get(url)
    path.unlink()
    assert_exchange_error(get(url), 503, "unavailable")
    assert get(url, "HEAD").headers["content-length"] == str(len(content))
    assert_no_errors_logged(org.server)


def test_whoever_hangs_up_leaves_nothing_open(org: Organization) -> None:
    """A download goes no further than its taker, and is given up when they are gone: its file is closed."""
    content = os.urandom(1024 * 1024) * 80  # more than all buffers between us hold
    begun = org.admin.call("POST", "/files/upload-url", json={"file_name": "large"})
    assert get(begun["upload_url"], "PUT", content).status_code == 200
    wanted = {"upload_id": begun["upload_id"], "download": True}
    url = org.admin.call("POST", "/files/upload/complete", json=wanted)["download_url"]
    path = str(find_stored_objects(org.server)[hashlib.sha3_512(content).hexdigest()])
    (worker,) = find_workers(org.server)

    def is_open() -> bool:
        return any(each.path == path for each in worker.open_files())

    with httpx.stream("GET", url, trust_env=False) as response:
        pieces = response.iter_bytes(1000)  # held, for the connection ends with it
        next(pieces)
        assert is_open()
    wait_until(lambda: not is_open())
    assert_no_errors_logged(org.server)


def test_an_address_is_for_one_thing_and_cannot_be_changed(org: Organization, url: str) -> None:
    """A signature that does not fit, nonsense, and an address for something else are 404."""
    origin, _, token = url.rpartition("/downloads/")
    head, body, signature = token.split(".")
    upload = org.admin.call("POST", "/files/upload-url", json={"file_name": "x"})["upload_url"].rpartition("/")[2]
    for wrong in (f"{head}.{body}.{signature[::-1]}", f"{head}.{body}.", "x", "x" * 5000, upload):
        assert_exchange_error(get(f"{origin}/downloads/{wrong}"), 404, "not_found")
    for method in ("GET", "PUT"):
        assert_exchange_error(get(f"{origin}/uploads/{token}", method), 404, "not_found")
    assert get(url).status_code == 200


def test_an_address_dies_with_key_role_and_asset(org: Organization) -> None:
    """Addresses that are out are closed by taking the role, by revoking the key, and by deleting the asset."""
    file = make_file(org.admin, CONTENT, visibility="private")
    guest = org.new_user()

    def share(role: str) -> None:
        body = {"permission": {"user": {"user_id": guest.id}, "role": role}}
        org.admin.call("PUT", f"/assets/{file['id']}/share", json=body)

    def link(who: User) -> str:
        return str(who.call("POST", f"/assets/{file['id']}/download-url")["download_url"])

    share("read")
    theirs, own = link(guest), link(org.admin)
    assert get(theirs).status_code == 200
    share("none")
    assert get(theirs).status_code == 404
    share("read")
    assert get(theirs).status_code == 200
    org.server.admin("revoke-key", guest.member.key_id)
    assert get(theirs).status_code == 404
    assert get(own).status_code == 200
    org.admin.call("DELETE", f"/files/{file['id']}")
    assert get(own).status_code == 404


def test_an_address_gives_what_the_asset_holds_now(org: Organization) -> None:
    """After new content has come, the address gives that, under another entity tag."""
    file = make_file(org.admin, b"old", visibility="private")
    url = org.admin.call("GET", f"/files/{file['id']}/data")["url"]
    old = get(url)
    body = {"file_name": "new.txt", "file_base64": "bmV3"}
    org.admin.call("PUT", f"/files/{file['id']}/content", json=body)
    new = get(url, range="bytes=1-", if_range=old.headers["etag"])
    assert (old.content, new.status_code, new.content) == (b"old", 200, b"new")


def test_downloads_are_counted(org: Organization) -> None:
    """A download counts once, however it is had: not when it is gone on with, looked at, or had already."""
    file = make_file(org.admin, CONTENT, visibility="private")
    url = org.admin.call("GET", f"/files/{file['id']}/data")["url"]

    def counted() -> int:
        return int(org.admin.call("GET", f"/assets/{file['id']}/counts")["downloads"])

    etag = get(url).headers["etag"]
    org.admin.client.post(f"/assets/{file['id']}/download")
    get(url, range="bytes=0-9")
    assert counted() == 3
    for method, headers in (("HEAD", {}), ("GET", {"if_none_match": etag}), ("GET", {"range": "bytes=5-"})):
        get(url, method, **headers)
    assert counted() == 3


def test_addresses_are_not_in_the_log(org: Organization, url: str) -> None:
    """Whoever reads the request log learns of a signed address only that it was used."""
    assert get(url).status_code == 200
    name = f"x{secrets.token_hex(8)}"
    org.admin.client.get(f"/assets/{name}")
    text = ""
    while name not in text:
        text = org.server.log.read_text()
    assert '"path":"/downloads/…"' in text
    assert url.rpartition("/")[2] not in text


def test_addresses_stand_under_the_public_url(org: Organization, url: str) -> None:
    """An address names the host that was asked, unless the operator says which it is."""
    assert url.startswith(org.server.url + "/downloads/")
    port = free_port()
    with new_server(start=False, public_url=f"http://127.0.0.1:{port}/") as server:
        if not server.database_url:
            copy_empty_cluster(server.data)
        server.start(port)
        with new_organization(server) as other:
            file = make_file(other.admin, CONTENT)
            asked = {"host": "elsewhere.example.org"}
            told = other.admin.call("GET", f"/files/{file['id']}/data", headers=asked)["url"]
            assert told.startswith(f"http://127.0.0.1:{port}/downloads/")
            assert get(told).content == CONTENT
    asked_there = org.admin.call("POST", "/files/upload-url", json={"file_name": "x"}, headers=asked)
    assert asked_there["upload_url"].startswith("http://elsewhere.example.org/uploads/")


def test_what_cannot_be_downloaded(org: Organization, file: Any) -> None:
    """Types and forms there are none of, and bodies that are no JSON, are refused; what is not readable is 404."""
    admin, path = org.admin, f"/assets/{file['id']}/download"
    for body, status in (({"format": "csv"}, 400), ({"asset_type": "dataset"}, 404), ({"format": 5}, 400), ([], 400)):
        admin.call("POST", path, status, json=body)
        admin.call("POST", path + "-url", status, json=body)
    admin.call("POST", path, 400, content=b"{")
    contentless = make_asset(org.server, admin, "post")
    admin.call("POST", f"/assets/{contentless}/download", 404)
    for who in (org.new_user(), org.new_outsider()):
        who.call("POST", path, 404)
        who.call("POST", path + "-url", 404)
    for_sale = make_file(org.with_unbound_key(admin), visibility="monetized", price_usd=3)["id"]
    refused = org.new_user().client.post(f"/assets/{for_sale}/download")
    assert "Unlock" in assert_exchange_error(refused, 403, "locked")["message"]


HOSTILE = st.one_of(
    st.text(max_size=1200),
    st.text(st.sampled_from("a.b\"\\;\r\n\t%/\0\u202e\u2066é写😀 ='*"), max_size=40),
    st.sampled_from(["", "..", ".", "/", "\\", ".htaccess", "a" * 1000 + ".tar.gz", "x." + "y" * 400, "\u202egpj.exe"]),
)


@given(HOSTILE)
@settings(max_examples=300)
def test_any_name_makes_a_header_and_a_name_to_save_under(name: str) -> None:
    """Whatever a file is called: one line of ASCII, both names readable back, and a name that stays in its folder."""
    header = content_disposition(name).decode("ascii")
    found = re.fullmatch(r"attachment; filename=\"([^\"\\]+)\"; filename\*=UTF-8''([A-Za-z0-9!#$&+.^_`|~%-]+)", header)
    assert found is not None
    assert header.isprintable()
    saved = unquote(found[2], errors="strict")
    assert saved == safe_file_name(name)
    assert 0 < len(saved.encode()) <= MAX_BYTES
    assert not set(saved) & set("/\\\0\r\n")
    assert not saved.startswith(".")
    assert all(unicodedata.category(letter) not in ("Cc", "Cf") for letter in saved)
    assert not set(found[1]) & set(";%")


def test_long_names_keep_their_extension() -> None:
    """What is cut off a long name is not its end."""
    assert safe_file_name("写" * 1000 + ".tar.gz").endswith("写.gz")
    assert safe_file_name("a" * 1000) == "a" * MAX_BYTES
