"""`POST /v1/media/anchor`: every documented case, in all three body types."""

import gzip
import uuid

import httpx
import pytest

from _support.anchoring import (
    ANCHOR,
    ANCHORED,
    CREATED,
    FAILED,
    anchor,
    anchor_and_wait,
    get_item,
    random_hash,
    request_anchor,
    set_status,
    wait_for_status,
)
from _support.members import Member
from _support.responses import assert_media_error
from _support.servers import Server

FIELDS = {"size": "12345", "name": "scan_1944.tif", "metadata": '{"a":1}'}


def send(api: httpx.Client, kind: str, fields: dict[str, str]) -> httpx.Response:
    """Send one request in one of the three body types. In JSON, `size` is a number."""
    if kind == "json":
        return api.post(ANCHOR, json={**fields, "size": int(fields["size"])})
    if kind == "multipart":
        return api.post(ANCHOR, files={name: (None, value) for name, value in fields.items()})
    return api.post(ANCHOR, data=fields)


BODY_TYPES = ["json", "multipart", "urlencoded"]


@pytest.mark.parametrize("kind", BODY_TYPES)
def test_a_new_item_is_created(api: httpx.Client, kind: str) -> None:
    """Each body type creates a new item with the fields of the request: 201 with the id alone."""
    digest = random_hash()
    response = send(api, kind, {"hash": digest, **FIELDS})
    assert response.status_code == 201
    assert list(response.json()) == ["id"]
    item = get_item(api, response.json()["id"])
    assert (item["hash"], item["size"], item["name"], item["metadata"]) == (digest, 12345, "scan_1944.tif", '{"a":1}')


@pytest.mark.parametrize("kind", BODY_TYPES)
def test_the_client_can_choose_the_id(api: httpx.Client, kind: str) -> None:
    """An unused id becomes the item's id, and is returned in lower case."""
    item_id = str(uuid.uuid4())
    response = send(api, kind, {"hash": random_hash(), "id": item_id.upper(), **FIELDS})
    assert (response.status_code, response.json()) == (201, {"id": item_id})


@pytest.mark.parametrize("kind", BODY_TYPES)
def test_texts_are_unchanged(api: httpx.Client, kind: str) -> None:
    """Names and metadata keep every Unicode character, including line ends."""
    text = "Größe \U0001f4f7 \u202e & = % + \"'\\ \r\n\t\x01 ende"
    response = send(api, kind, {"hash": random_hash(), "size": "1", "name": text, "metadata": text})
    assert response.status_code == 201, response.text
    item = get_item(api, response.json()["id"])
    assert (item["name"], item["metadata"]) == (text, text)


@pytest.mark.parametrize("kind", BODY_TYPES)
def test_a_body_can_be_gzipped(api: httpx.Client, kind: str) -> None:
    """A gzipped body of each of the three types is accepted."""
    fields = {"hash": random_hash(), "size": "7"}
    if kind == "json":
        request = api.build_request("POST", ANCHOR, json={**fields, "size": 7})
    elif kind == "multipart":
        request = api.build_request("POST", ANCHOR, files={name: (None, value) for name, value in fields.items()})
    else:
        request = api.build_request("POST", ANCHOR, data=fields)
    headers = {"content-type": request.headers["content-type"], "content-encoding": "gzip"}
    response = api.post(ANCHOR, content=gzip.compress(request.read()), headers=headers)
    assert response.status_code == 201, response.text


def test_absent_and_null_fields_have_defaults(api: httpx.Client) -> None:
    """Null counts as absent. The default name is null, and the default metadata is `{}`."""
    for extra in ({}, {"id": None, "name": None, "metadata": None}):
        item = get_item(api, anchor(api, **extra))
        assert (item["name"], item["metadata"]) == (None, "{}")


@pytest.mark.parametrize("size", [0, 2**53 + 1, 2**63 - 1])
def test_sizes_are_exact(api: httpx.Client, size: int) -> None:
    """A size is stored exactly, from 0 to 2^63-1 bytes."""
    assert get_item(api, anchor(api, size=size))["size"] == size


def test_the_longest_texts_are_accepted(api: httpx.Client) -> None:
    """A name of 1,024 characters and metadata of 64 KiB of UTF-8 are stored completely."""
    name, metadata = "\U0001f4f7" * 1024, "ü" * 32768
    item = get_item(api, anchor(api, name=name, metadata=metadata))
    assert (item["name"], item["metadata"]) == (name, metadata)


def test_unknown_fields_are_ignored(api: httpx.Client) -> None:
    """A request with unknown fields is accepted."""
    assert request_anchor(api, colour="red", nested={"a": [1]}).status_code == 201


@pytest.mark.parametrize("status", [CREATED, FAILED])
def test_a_created_or_failed_item_is_anchored_by_its_id(server: Server, api: httpx.Client, status: int) -> None:
    """The owner's item that is created or failed is anchored by its id: 200 with the request's fields and the id."""
    first = anchor_and_wait(api, name="old")
    set_status(server, first["id"], status)
    fields = {"hash": random_hash(), "size": 77, "name": "new", "metadata": "m"}
    response = api.post(ANCHOR, json={**fields, "id": first["id"]})
    assert (response.status_code, response.json()) == (200, {**fields, "id": first["id"]})
    item = wait_for_status(api, first["id"], ANCHORED)
    assert {name: item[name] for name in fields} == fields
    assert item["createdOn"] == first["createdOn"]


def test_the_response_repeats_only_sent_fields(server: Server, api: httpx.Client) -> None:
    """The response for an earlier item contains the fields of the request, and no defaults."""
    item = anchor_and_wait(api)
    set_status(server, item["id"], FAILED)
    response = request_anchor(api, id=item["id"].upper(), hash=item["hash"], size=3)
    assert (response.status_code, response.json()) == (200, {"hash": item["hash"], "size": 3, "id": item["id"]})


def test_an_uploaded_item_keeps_the_hash_of_its_bytes(server: Server, api: httpx.Client) -> None:
    """An uploaded item can be anchored only with the hash of its bytes."""
    item = anchor_and_wait(api)
    set_status(server, item["id"], CREATED, has_bytes=True)
    assert_media_error(request_anchor(api, id=item["id"]), 400, "INVALID_REQUEST", "hash")
    assert request_anchor(api, id=item["id"], hash=item["hash"]).status_code == 200
    wait_for_status(api, item["id"])


def test_a_malformed_hash_has_the_references_message(api: httpx.Client) -> None:
    """A malformed hash has the reference's message byte for byte, including its U+2011 hyphen."""
    error = assert_media_error(request_anchor(api, hash="abc"), 400, "INVALID_HASH")
    assert error["message"] == "Hash must be 128\u2011char lowercase hexadecimal."
    assert error["details"] is None


def test_an_anchored_item_keeps_its_hash(api: httpx.Client) -> None:
    """The id of an accepted or anchored item with another hash is a duplicate."""
    item_id = anchor(api)
    assert_media_error(request_anchor(api, id=item_id), 409, "DUPLICATE")
    wait_for_status(api, item_id)
    assert_media_error(request_anchor(api, id=item_id), 409, "DUPLICATE")


def test_an_own_duplicate_has_the_items_id(api: httpx.Client) -> None:
    """A hash that the caller's organization anchored before is a duplicate with the item's id in its details."""
    digest = random_hash()
    item_id = anchor(api, hash=digest)
    for extra in ({}, {"id": item_id}, {"id": str(uuid.uuid4())}):
        error = assert_media_error(request_anchor(api, hash=digest, **extra), 409, "DUPLICATE")
        assert error["details"] == {"id": item_id}


def test_another_organizations_duplicate_has_no_details(api: httpx.Client, stranger: httpx.Client) -> None:
    """A hash that another organization anchored is a duplicate without details."""
    digest = random_hash()
    anchor(stranger, hash=digest)
    assert assert_media_error(request_anchor(api, hash=digest), 409, "DUPLICATE")["details"] is None


def test_another_organizations_id_is_taken(server: Server, api: httpx.Client, stranger: httpx.Client) -> None:
    """The id of another organization's item is a duplicate without details, whatever the item's status."""
    item = anchor_and_wait(stranger)
    for status in (ANCHORED, FAILED, CREATED):
        if status != ANCHORED:
            set_status(server, item["id"], status)
        assert assert_media_error(request_anchor(api, id=item["id"]), 409, "DUPLICATE")["details"] is None
    assert request_anchor(stranger, id=item["id"]).status_code == 200


def test_a_failed_item_releases_its_hash(server: Server, api: httpx.Client, stranger: httpx.Client) -> None:
    """The hash of a failed item can be anchored by another organization, and then no longer by the first."""
    item = anchor_and_wait(api)
    set_status(server, item["id"], FAILED)
    anchor(stranger, hash=item["hash"])
    error = assert_media_error(request_anchor(api, id=item["id"], hash=item["hash"]), 409, "DUPLICATE")
    assert error["details"] is None


def test_a_colleague_can_anchor_a_failed_item(server: Server, member: Member, api: httpx.Client) -> None:
    """Items belong to the organization: a colleague can anchor a failed one, and its creator stays the same."""
    item = anchor_and_wait(api)
    set_status(server, item["id"], FAILED)
    colleague = server.new_member(organization=member.organization)
    with server.client(colleague.key) as other:
        assert request_anchor(other, id=item["id"]).status_code == 200
    assert wait_for_status(api, item["id"])["createdBy"]["id"] == member.person


def test_a_body_of_more_than_a_mebibyte_is_413(api: httpx.Client) -> None:
    """A body over 1 MiB is 413: with a Content-Length, in chunks, or after decompression."""
    body = b'{"size":1,"hash":"%s","x":"%s"}' % (random_hash().encode(), b"a" * 2**20)
    headers = {"content-type": "application/json"}
    gzipped = headers | {"content-encoding": "gzip"}
    for content, given in ((body, headers), (iter([body]), headers), (gzip.compress(body), gzipped)):
        assert_media_error(api.post(ANCHOR, content=content, headers=given), 413, "PAYLOAD_TOO_LARGE")
    fitting = body[: 2**20 - 2] + b'"}'
    assert api.post(ANCHOR, content=fitting, headers=headers).status_code == 201
