"""Downloads: whole and in part, by token and by signed URL, and with hostile file names."""

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
    """A signed URL of the file."""
    return str(org.admin.call("POST", f"/assets/{file['id']}/download-url")["download_url"])


def get(url: str, method: str = "GET", content: bytes | None = None, **headers: str) -> httpx.Response:
    """Send a request without a token. Underscores in names of headers stand for hyphens."""
    sent_headers = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx.request(method, url, content=content, headers=sent_headers, trust_env=False)


def test_download_by_token(org: Organization, file: Any) -> None:
    """A POST downloads all bytes, with headers that describe them and that keep browsers from running them."""
    for options in ({}, {"json": {}}, {"json": {"asset_type": "file"}}):
        response = org.admin.client.post(f"/assets/{file['id']}/download", **options)
        assert (response.status_code, response.content) == (200, CONTENT)
    headers = response.headers
    assert headers["content-disposition"] == "attachment; filename=\"any.bin\"; filename*=UTF-8''any.bin"
    assert (headers["content-type"], headers["content-length"]) == ("application/octet-stream", str(SIZE))
    assert headers["etag"] == f'"{hashlib.sha3_512(CONTENT).hexdigest()}"'
    assert (headers["x-content-type-options"], headers["cache-control"]) == ("nosniff", "private, no-cache")
    assert headers["content-security-policy"].startswith("sandbox")


def test_head_has_the_headers_of_get(url: str) -> None:
    """HEAD returns the headers of the GET and no body."""
    head, whole = get(url, "HEAD"), get(url)
    assert (head.status_code, head.content) == (200, b"")
    for name in ("content-length", "etag", "content-disposition", "accept-ranges"):
        assert head.headers[name] == whole.headers[name]


RANGES = {
    "bytes=0-0": (0, 0),
    "bytes=0-499": (0, 499),
    "bytes=500-": (500, SIZE - 1),
    "bytes=-500": (SIZE - 500, SIZE - 1),
    f"bytes=-{SIZE + 1}": (0, SIZE - 1),
    f"bytes=7-{10**18}": (7, SIZE - 1),
    f"bytes={SIZE - 1}-": (SIZE - 1, SIZE - 1),
}


@pytest.mark.parametrize("requested", RANGES)
def test_one_range(url: str, requested: str) -> None:
    """A valid range is 206 with exactly those bytes, and without them for HEAD."""
    first, last = RANGES[requested]
    response = get(url, range=requested)
    assert (response.status_code, response.content) == (206, CONTENT[first : last + 1])
    assert response.headers["content-range"] == f"bytes {first}-{last}/{SIZE}"
    head = get(url, "HEAD", range=requested)
    assert (head.status_code, head.content, head.headers["content-length"]) == (206, b"", str(last - first + 1))


@pytest.mark.parametrize("requested", [f"bytes={SIZE}-", f"bytes={SIZE}-{SIZE + 9}", "bytes=-0"])
def test_a_range_beyond_the_end(url: str, requested: str) -> None:
    """A range beyond the end is 416 with the size."""
    response = get(url, range=requested)
    assert_exchange_error(response, 416, "range_not_satisfiable")
    assert response.headers["content-range"] == f"bytes */{SIZE}"


@pytest.mark.parametrize(
    "requested", ["bytes=0-1,5-6", "bytes=9-5", "bytes=-", "bytes=x-", "lines=1-2", "", "bytes=" + "9" * 30]
)
def test_unsupported_ranges_return_everything(url: str, requested: str) -> None:
    """Several ranges, and ranges that cannot be understood, return all bytes."""
    response = get(url, range=requested)
    assert (response.status_code, response.content) == (200, CONTENT)


def test_conditions(url: str) -> None:
    """A client with the current bytes gets 304. A range with an outdated `If-Range` returns all bytes."""
    etag = get(url).headers["etag"]
    for known in (etag, f'"x", W/{etag}', "*"):
        response = get(url, if_none_match=known)
        assert (response.status_code, response.content, response.headers["etag"]) == (304, b"", etag)
    assert get(url, if_none_match='"x"').status_code == 200
    assert get(url, range="bytes=0-4", if_range=etag).content == CONTENT[:5]
    for other in ('"x"', f"W/{etag}", "Sun, 22 Nov 2026 03:00:00 GMT"):
        assert get(url, range="bytes=0-4", if_range=other).content == CONTENT


def test_an_empty_file(org: Organization) -> None:
    """An empty file can be downloaded, and every range of it is 416."""
    file = make_file(org.admin, b"", "empty", visibility="private")
    url = org.admin.call("GET", f"/files/{file['id']}/data")["url"]
    response = get(url)
    assert (response.status_code, response.content, response.headers["content-length"]) == (200, b"", "0")
    assert get(url, range="bytes=0-").status_code == 416


def test_a_file_of_several_chunks(org: Organization) -> None:
    """A file that is read in several chunks arrives whole, and so does a range across chunks."""
    content = os.urandom(3 * 1024 * 1024 + 17)
    file = make_file(org.admin, content, visibility="private")
    url = org.admin.call("GET", f"/files/{file['id']}/data")["url"]
    assert get(url).content == content
    assert get(url, range="bytes=1000000-2500000").content == content[1_000_000:2_500_001]


def test_a_truncated_download_fails(org: Organization) -> None:
    """If bytes are missing from the store, the download is 503 or the connection breaks: it never looks complete."""
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


def test_an_aborted_download_closes_its_file(org: Organization) -> None:
    """The server reads only as fast as the client, and closes the file when the client disconnects."""
    content = os.urandom(1024 * 1024) * 80  # more than all buffers hold
    upload = org.admin.call("POST", "/files/upload-url", json={"file_name": "large"})
    assert get(upload["upload_url"], "PUT", content).status_code == 200
    body = {"upload_id": upload["upload_id"], "download": True}
    url = org.admin.call("POST", "/files/upload/complete", json=body)["download_url"]
    path = str(find_stored_objects(org.server)[hashlib.sha3_512(content).hexdigest()])
    (worker,) = find_workers(org.server)

    def is_open() -> bool:
        return any(file.path == path for file in worker.open_files())

    with httpx.stream("GET", url, trust_env=False) as response:
        chunks = response.iter_bytes(1000)  # a reference that keeps the connection open
        next(chunks)
        assert is_open()
    wait_until(lambda: not is_open())
    assert_no_errors_logged(org.server)


def test_a_signed_url_cannot_be_changed_or_used_for_another_purpose(org: Organization, url: str) -> None:
    """A wrong signature, a malformed token, and a URL for another purpose are 404."""
    origin, _, token = url.rpartition("/downloads/")
    head, body, signature = token.split(".")
    upload = org.admin.call("POST", "/files/upload-url", json={"file_name": "x"})["upload_url"].rpartition("/")[2]
    for wrong in (f"{head}.{body}.{signature[::-1]}", f"{head}.{body}.", "x", "x" * 5000, upload):
        assert_exchange_error(get(f"{origin}/downloads/{wrong}"), 404, "not_found")
    for method in ("GET", "PUT"):
        assert_exchange_error(get(f"{origin}/uploads/{token}", method), 404, "not_found")
    assert get(url).status_code == 200


def test_a_signed_url_stops_working_with_its_key_role_or_asset(org: Organization) -> None:
    """Revoking the role or the key, and deleting the asset, close signed URLs that exist."""
    file = make_file(org.admin, CONTENT, visibility="private")
    guest = org.new_user()

    def share(role: str) -> None:
        body = {"permission": {"user": {"user_id": guest.id}, "role": role}}
        org.admin.call("PUT", f"/assets/{file['id']}/share", json=body)

    def sign(who: User) -> str:
        return str(who.call("POST", f"/assets/{file['id']}/download-url")["download_url"])

    share("read")
    theirs, own = sign(guest), sign(org.admin)
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


def test_a_signed_url_returns_the_current_content(org: Organization) -> None:
    """After a replacement, the URL returns the new content with another entity tag."""
    file = make_file(org.admin, b"old", visibility="private")
    url = org.admin.call("GET", f"/files/{file['id']}/data")["url"]
    old = get(url)
    body = {"file_name": "new.txt", "file_base64": "bmV3"}
    org.admin.call("PUT", f"/files/{file['id']}/content", json=body)
    new = get(url, range="bytes=1-", if_range=old.headers["etag"])
    assert (old.content, new.status_code, new.content) == (b"old", 200, b"new")


def test_downloads_are_counted(org: Organization) -> None:
    """A download counts once. A resumed download, a HEAD and a 304 do not count."""
    file = make_file(org.admin, CONTENT, visibility="private")
    url = org.admin.call("GET", f"/files/{file['id']}/data")["url"]

    def count() -> int:
        return int(org.admin.call("GET", f"/assets/{file['id']}/counts")["downloads"])

    etag = get(url).headers["etag"]
    org.admin.client.post(f"/assets/{file['id']}/download")
    get(url, range="bytes=0-9")
    assert count() == 3
    for method, headers in (("HEAD", {}), ("GET", {"if_none_match": etag}), ("GET", {"range": "bytes=5-"})):
        get(url, method, **headers)
    assert count() == 3


def test_signed_urls_are_not_logged(org: Organization, url: str) -> None:
    """The request log shows that a signed URL was used, without its token."""
    assert get(url).status_code == 200
    name = f"x{secrets.token_hex(8)}"
    org.admin.client.get(f"/assets/{name}")
    text = wait_until(lambda: name in (text := org.server.log.read_text()) and text)
    assert '"path":"/downloads/…"' in text
    assert url.rpartition("/")[2] not in text


def test_signed_urls_use_the_public_url(org: Organization, url: str) -> None:
    """A signed URL has the host of the request, unless the operator set the public URL."""
    assert url.startswith(org.server.url + "/downloads/")
    port = free_port()
    with new_server(start=False, public_url=f"http://127.0.0.1:{port}/") as server:
        if not server.database_url:
            copy_empty_cluster(server.data)
        server.start(port)
        with new_organization(server) as other:
            file = make_file(other.admin, CONTENT)
            headers = {"host": "elsewhere.example.org"}
            signed = other.admin.call("GET", f"/files/{file['id']}/data", headers=headers)["url"]
            assert signed.startswith(f"http://127.0.0.1:{port}/downloads/")
            assert get(signed).content == CONTENT
    elsewhere = org.admin.call("POST", "/files/upload-url", json={"file_name": "x"}, headers=headers)
    assert elsewhere["upload_url"].startswith("http://elsewhere.example.org/uploads/")


def test_invalid_downloads(org: Organization, file: Any) -> None:
    """Unknown types and formats, and bodies that are not JSON, are rejected. An unreadable asset is 404."""
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
def test_any_name_makes_a_valid_header_and_a_safe_file_name(name: str) -> None:
    """Any name makes one line of ASCII from which both names can be read, and a name without folders."""
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
    """A shortened name keeps its extension."""
    assert safe_file_name("写" * 1000 + ".tar.gz").endswith("写.gz")
    assert safe_file_name("a" * 1000) == "a" * MAX_BYTES
