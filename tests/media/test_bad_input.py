"""Bad input: each named case gets its 4xx in the form of the media dialect, and never a 500.

The files in `bad/` are request bodies. The name of the folder is the expected code, and the folder in it is the field.
"""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from _support.anchoring import ANCHOR, BATCH, post_batch, random_hash, read_batch_results, request_anchor, to_ndjson
from _support.responses import assert_media_error
from _support.server_log import assert_no_errors_logged
from _support.servers import Server

BAD = Path(__file__).with_name("bad")
FILES = sorted(BAD.rglob("*.json"))
HASH = "0123456789abcdef" * 8
UTF_8_FORM = b"hash=%s&size=1&" % HASH.encode()
MIB = 1024 * 1024
JSON = {"content-type": "application/json"}


@pytest.fixture(scope="module", autouse=True)
def no_errors_logged(server: Server) -> Iterator[None]:
    """After all tests of this module, the server's log has no failed request and no traceback."""
    yield
    assert_no_errors_logged(server)


def case_name(path: Path) -> str:
    """Return the name of a case."""
    return str(path.relative_to(BAD).with_suffix(""))


def expected(path: Path) -> tuple[str, str | None]:
    """Return the expected code and field of a bad body."""
    code, *field = path.relative_to(BAD).parts[:-1]
    return code, field[0] if field else None


@pytest.mark.parametrize("path", FILES, ids=case_name)
def test_bad_json_is_400(api: httpx.Client, path: Path) -> None:
    """Every bad JSON body is 400 with its code and the invalid field."""
    code, field = expected(path)
    assert_media_error(api.post(ANCHOR, content=path.read_bytes(), headers=JSON), 400, code, field)


def test_bad_lines_do_not_affect_the_others(api: httpx.Client) -> None:
    """As lines of one batch, every bad JSON body gets its own 400, and the good lines around them get 201."""
    bad = [path for path in FILES if b"\n" not in path.read_bytes() and path.read_bytes().strip()]
    good = to_ndjson({"hash": random_hash(), "size": 1})
    body = b"".join(path.read_bytes() + b"\n" for path in bad)
    first, *results, last = read_batch_results(
        post_batch(api, good + body + to_ndjson({"hash": random_hash(), "size": 1}))
    )
    assert (first["status"], last["status"]) == (201, 201)
    for path, result in zip(bad, results, strict=True):
        code, field = expected(path)
        assert (result["status"], result["code"]) == (400, code), (case_name(path), result)
        assert field is None or result["details"]["field"] == field


FORMS = {
    "hash missing": (b"size=1", "hash"),
    "hash twice": (UTF_8_FORM + b"hash=" + HASH.encode(), "hash"),
    "size missing": (b"hash=" + HASH.encode(), "size"),
    "size twice": (UTF_8_FORM + b"size=1", "size"),
    "size negative": (b"hash=%s&size=-1" % HASH.encode(), "size"),
    "size fractional": (b"hash=%s&size=1.0" % HASH.encode(), "size"),
    "size as exponent": (b"hash=%s&size=1e3" % HASH.encode(), "size"),
    "size with plus": (b"hash=%s&size=%%2B1" % HASH.encode(), "size"),
    "size with space": (b"hash=%s&size=+1" % HASH.encode(), "size"),
    "size with underscore": (b"hash=%s&size=1_0" % HASH.encode(), "size"),
    "size as text": (b"hash=%s&size=twelve" % HASH.encode(), "size"),
    "size empty": (b"hash=%s&size=" % HASH.encode(), "size"),
    "size in Arabic digits": (b"hash=%s&size=%%D9%%A3" % HASH.encode(), "size"),
    "size too large": (b"hash=%s&size=9223372036854775808" % HASH.encode(), "size"),
    "size huge": (b"hash=%s&size=%s" % (HASH.encode(), b"9" * 5000), "size"),
    "id not a UUID": (UTF_8_FORM + b"id=7", "id"),
    "id empty": (UTF_8_FORM + b"id=", "id"),
    "name with NUL": (UTF_8_FORM + b"name=a%00b", "name"),
    "name too long": (UTF_8_FORM + b"name=" + b"x" * 1025, "name"),
    "metadata with NUL": (UTF_8_FORM + b"metadata=%00", "metadata"),
    "metadata of 65 KiB": (UTF_8_FORM + b"metadata=" + b"x" * 65 * 1024, "metadata"),
    "not UTF-8": (UTF_8_FORM + b"name=%ff%fe", "body"),
    "lone surrogate": (UTF_8_FORM + b"name=%ed%a0%80", "body"),
    "raw bytes": (UTF_8_FORM + b"name=\xff", "body"),
    "too many fields": (UTF_8_FORM + b"&".join(b"x%d=1" % number for number in range(200)), "body"),
}


@pytest.mark.parametrize(("body", "field"), FORMS.values(), ids=FORMS.keys())
def test_a_bad_form_is_400(api: httpx.Client, body: bytes, field: str) -> None:
    """Every bad form is 400 with the invalid field."""
    response = api.post(ANCHOR, content=body, headers={"content-type": "application/x-www-form-urlencoded"})
    assert_media_error(response, 400, "INVALID_REQUEST", field)


def part(name: str, value: bytes, extra: str = "") -> bytes:
    """Return one part of a multipart body with the boundary `b`."""
    return f'--b\r\nContent-Disposition: form-data; name="{name}"{extra}\r\n\r\n'.encode() + value + b"\r\n"


MULTIPART = "multipart/form-data; boundary=b"
GOOD_PARTS = part("hash", HASH.encode()) + part("size", b"1")
MULTIPARTS = {
    "no boundary": (GOOD_PARTS + b"--b--\r\n", "multipart/form-data", "content-type"),
    "empty": (b"", MULTIPART, "body"),
    "another boundary": (GOOD_PARTS + b"--b--\r\n", "multipart/form-data; boundary=c", "body"),
    "cut short": (GOOD_PARTS[:-9], MULTIPART, "body"),
    "no end": (GOOD_PARTS, MULTIPART, "body"),
    "hash as a file": (
        part("hash", HASH.encode(), '; filename="h.txt"') + part("size", b"1") + b"--b--\r\n",
        MULTIPART,
        "hash",
    ),
    "size twice": (GOOD_PARTS + part("size", b"1") + b"--b--\r\n", MULTIPART, "size"),
    "not UTF-8": (GOOD_PARTS + part("name", b"\xff") + b"--b--\r\n", MULTIPART, "body"),
    "lone surrogate": (
        GOOD_PARTS + part("name", b"\xed\xa0\x80") + b"--b--",
        MULTIPART,
        "body",
    ),
    "NUL": (GOOD_PARTS + part("name", b"a\0b") + b"--b--\r\n", MULTIPART, "name"),
    "65 KiB of metadata": (
        GOOD_PARTS + part("metadata", b"x" * 65 * 1024) + b"--b--\r\n",
        MULTIPART,
        "metadata",
    ),
    "too many parts": (
        GOOD_PARTS + part("x", b"") * 200 + b"--b--\r\n",
        MULTIPART,
        "body",
    ),
    "huge part header": (
        GOOD_PARTS + part("x", b"", "; y=" + "y" * 100_000) + b"--b--\r\n",
        MULTIPART,
        "body",
    ),
}


@pytest.mark.parametrize(("body", "content_type", "field"), MULTIPARTS.values(), ids=MULTIPARTS.keys())
def test_a_bad_multipart_body_is_400(api: httpx.Client, body: bytes, content_type: str, field: str) -> None:
    """Every bad multipart body is 400 with the invalid field."""
    response = api.post(ANCHOR, content=body, headers={"content-type": content_type})
    assert_media_error(response, 400, "INVALID_REQUEST", field)


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "application/xml",
        "json",
        "application/json/x",
        "application/x-ndjson",
        "*/*",
        ";",
        "\u00e4/\u00f6",
    ],
)
def test_an_unknown_content_type_is_400(api: httpx.Client, content_type: str) -> None:
    """A content type that is not one of the three is 400 with the header as the field."""
    response = api.post(ANCHOR, content=b"{}", headers={b"content-type": content_type.encode("latin-1")})
    assert_media_error(response, 400, "INVALID_REQUEST", "content-type")


def test_a_missing_content_type_is_400(api: httpx.Client) -> None:
    """A request without a content type is 400, single or batch."""
    for path in (ANCHOR, BATCH):
        assert_media_error(api.post(path, content=b"{}"), 400, "INVALID_REQUEST", "content-type")


def bomb(size_mib: int) -> bytes:
    """Return a gzip body that is a thousandth of the spaces it decompresses to."""
    packer = zlib.compressobj(9, wbits=31)
    return b"".join(packer.compress(b" " * MIB) for _ in range(size_mib)) + packer.flush()


@pytest.mark.parametrize("path", [ANCHOR, BATCH], ids=["single", "batch"])
def test_a_gzip_bomb_is_413(api: httpx.Client, path: str) -> None:
    """A small body that decompresses to hundreds of MiB is 413, as one gzip member and as many."""
    headers = {"content-type": "application/json" if path == ANCHOR else "application/x-ndjson"}
    for body in (bomb(256), bomb(1) * 256):
        response = api.post(path, content=body, headers=headers | {"content-encoding": "gzip"})
        assert_media_error(response, 413, "PAYLOAD_TOO_LARGE")


PACKED = gzip.compress(b'{"size": 1, "hash": "%s"}' % HASH.encode())
ENCODINGS = {
    "unknown": ("br", PACKED),
    "deflate": ("deflate", PACKED),
    "twice gzip": ("gzip, gzip", gzip.compress(PACKED)),
    "empty": ("", PACKED),
    "not gzip": ("gzip", b'{"size": 1}'),
    "no bytes": ("gzip", b""),
    "cut short": ("gzip", PACKED[:-12]),
    "cut in its checksum": ("gzip", PACKED[:-1]),
    "wrong checksum": ("gzip", PACKED[:-8] + b"\0\0\0\0" + PACKED[-4:]),
    "garbage after it": ("gzip", PACKED + b"garbage"),
}


@pytest.mark.parametrize("path", [ANCHOR, BATCH], ids=["single", "batch"])
@pytest.mark.parametrize(("encoding", "body"), ENCODINGS.values(), ids=ENCODINGS.keys())
def test_a_bad_encoding_is_400(api: httpx.Client, path: str, encoding: str, body: bytes) -> None:
    """An encoding other than gzip, and a body that is not valid gzip, are 400 with the header as the field."""
    headers = {"content-type": "application/json" if path == ANCHOR else "application/x-ndjson"}
    response = api.post(path, content=body, headers=headers | {"content-encoding": encoding})
    assert_media_error(response, 400, "INVALID_REQUEST", "content-encoding")


QUERIES = {
    "page zero": ("page=0", "page"),
    "page negative": ("page=-1", "page"),
    "page fractional": ("page=1.5", "page"),
    "page text": ("page=two", "page"),
    "page empty": ("page=", "page"),
    "page in Arabic digits": ("page=%D9%A3", "page"),
    "page of 5000 digits": ("page=" + "9" * 5000, "page"),
    "page twice": ("page=1&page=2", "page"),
    "limit zero": ("limit=0", "limit"),
    "limit 101": ("limit=101", "limit"),
    "limit huge": ("limit=99999999999999999999", "limit"),
    "limit with plus": ("limit=%2B5", "limit"),
    "limit with space": ("limit=+5", "limit"),
    "cursor empty": ("cursor=", "cursor"),
    "cursor invented": ("cursor=AAAA", "cursor"),
    "cursor beyond time": ("cursor=f" + "_" * 31, "cursor"),
    "cursor with NUL": ("cursor=%00", "cursor"),
    "status unknown": ("status=5", "status"),
    "status text": ("status=anchored", "status"),
    "name with NUL": ("name=%00", "name"),
    "name not UTF-8": ("name=%ff", "query"),
    "name lone surrogate": ("name=%ed%a0%80", "query"),
    "createdFrom text": ("createdFrom=yesterday", "createdFrom"),
    "createdFrom before time": ("createdFrom=0001-01-01T00:00:00%2B14:00", "createdFrom"),
    "createdTo after time": ("createdTo=9999-12-31T23:59:59-14:00", "createdTo"),
    "createdTo not a date": ("createdTo=2026-02-30", "createdTo"),
}


@pytest.mark.parametrize(("query", "field"), QUERIES.values(), ids=QUERIES.keys())
def test_a_bad_query_is_400(api: httpx.Client, query: str, field: str) -> None:
    """Every bad query of the list is 400 with the parameter as the field."""
    assert_media_error(api.get(f"/v1/media?{query}"), 400, "INVALID_REQUEST", field)


def test_a_good_request_is_served_afterwards(api: httpx.Client) -> None:
    """After all bad requests, the server and the connection still work."""
    assert request_anchor(api).status_code == 201
