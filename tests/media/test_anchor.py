"""`POST /v1/media/anchor`: every row of the wire's table, in all three body types."""

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
    """One request in one of the three body types; `size` is a number where the type has numbers."""
    if kind == "json":
        return api.post(ANCHOR, json={**fields, "size": int(fields["size"])})
    if kind == "multipart":
        return api.post(ANCHOR, files={name: (None, value) for name, value in fields.items()})
    return api.post(ANCHOR, data=fields)


BODY_TYPES = ["json", "multipart", "urlencoded"]


@pytest.mark.parametrize("kind", BODY_TYPES)
def test_new_item_is_created_whatever_the_body_type(api: httpx.Client, kind: str) -> None:
    """A new item answers 201 with nothing but its id, and says what was sent, from each of the three body types."""
    digest = random_hash()
    response = send(api, kind, {"hash": digest, **FIELDS})
    assert response.status_code == 201
    assert list(response.json()) == ["id"]
    item = get_item(api, response.json()["id"])
    assert (item["hash"], item["size"], item["name"], item["metadata"]) == (digest, 12345, "scan_1944.tif", '{"a":1}')


@pytest.mark.parametrize("kind", BODY_TYPES)
def test_id_sent_is_the_id_answered(api: httpx.Client, kind: str) -> None:
    """An id nobody has used becomes the item's, written in lower case however it was sent."""
    item_id = str(uuid.uuid4())
    response = send(api, kind, {"hash": random_hash(), "id": item_id.upper(), **FIELDS})
    assert (response.status_code, response.json()) == (201, {"id": item_id})


@pytest.mark.parametrize("kind", BODY_TYPES)
def test_text_comes_back_as_it_was_sent(api: httpx.Client, kind: str) -> None:
    """Names and metadata keep every character of Unicode, line ends included."""
    text = "Größe \U0001f4f7 \u202e & = % + \"'\\ \r\n\t\x01 ende"
    response = send(api, kind, {"hash": random_hash(), "size": "1", "name": text, "metadata": text})
    assert response.status_code == 201, response.text
    item = get_item(api, response.json()["id"])
    assert (item["name"], item["metadata"]) == (text, text)


@pytest.mark.parametrize("kind", BODY_TYPES)
def test_body_may_be_gzipped(api: httpx.Client, kind: str) -> None:
    """A gzipped body is the same request, in each of the three body types."""
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


def test_what_is_absent_or_null_has_its_default(api: httpx.Client) -> None:
    """Null counts as absent; an absent name is null, absent metadata is `{}`."""
    for extra in ({}, {"id": None, "name": None, "metadata": None}):
        item = get_item(api, anchor(api, **extra))
        assert (item["name"], item["metadata"]) == (None, "{}")


@pytest.mark.parametrize("size", [0, 2**53 + 1, 2**63 - 1])
def test_sizes_are_exact(api: httpx.Client, size: int) -> None:
    """A size is kept exactly, from nothing to 2^63-1 bytes."""
    assert get_item(api, anchor(api, size=size))["size"] == size


def test_largest_texts_are_taken(api: httpx.Client) -> None:
    """A name of 1,024 characters and metadata of 64 KiB of UTF-8 are taken whole."""
    name, metadata = "\U0001f4f7" * 1024, "ü" * 32768
    item = get_item(api, anchor(api, name=name, metadata=metadata))
    assert (item["name"], item["metadata"]) == (name, metadata)


def test_unknown_fields_are_ignored(api: httpx.Client) -> None:
    """A field nobody knows is no obstacle."""
    assert request_anchor(api, colour="red", nested={"a": [1]}).status_code == 201


@pytest.mark.parametrize("status", [CREATED, FAILED])
def test_created_or_failed_item_is_anchored_by_its_id(server: Server, api: httpx.Client, status: int) -> None:
    """An own item that is created or has failed is anchored by id: 200, the request's fields back, with the id."""
    first = anchor_and_wait(api, name="old")
    set_status(server, first["id"], status)
    sent = {"hash": random_hash(), "size": 77, "name": "new", "metadata": "m"}
    response = api.post(ANCHOR, json={**sent, "id": first["id"]})
    assert (response.status_code, response.json()) == (200, {**sent, "id": first["id"]})
    again = wait_for_status(api, first["id"], ANCHORED)
    assert {name: again[name] for name in sent} == sent
    assert again["createdOn"] == first["createdOn"]


def test_echo_holds_only_what_was_sent(server: Server, api: httpx.Client) -> None:
    """The fields given back are those of the request: what was not sent is not invented."""
    item = anchor_and_wait(api)
    set_status(server, item["id"], FAILED)
    response = request_anchor(api, id=item["id"].upper(), hash=item["hash"], size=3)
    assert (response.status_code, response.json()) == (200, {"hash": item["hash"], "size": 3, "id": item["id"]})


def test_uploaded_item_keeps_the_hash_of_its_bytes(server: Server, api: httpx.Client) -> None:
    """An uploaded item cannot be anchored under another hash than its bytes have; under its own it can."""
    item = anchor_and_wait(api)
    set_status(server, item["id"], CREATED, has_bytes=True)
    assert_media_error(request_anchor(api, id=item["id"]), 400, "INVALID_REQUEST", "hash")
    assert request_anchor(api, id=item["id"], hash=item["hash"]).status_code == 200
    wait_for_status(api, item["id"])


def test_malformed_hash_answers_with_the_references_words(api: httpx.Client) -> None:
    """A malformed hash answers the reference's message to the byte, its U+2011 hyphen included."""
    error = assert_media_error(request_anchor(api, hash="abc"), 400, "INVALID_HASH")
    assert error["message"] == "Hash must be 128\u2011char lowercase hexadecimal."
    assert error["details"] is None


def test_anchored_item_keeps_its_hash(api: httpx.Client) -> None:
    """The id of an own item that is accepted or anchored, with another hash, is a duplicate."""
    item_id = anchor(api)
    assert_media_error(request_anchor(api, id=item_id), 409, "DUPLICATE")
    wait_for_status(api, item_id)
    assert_media_error(request_anchor(api, id=item_id), 409, "DUPLICATE")


def test_own_duplicate_names_the_item(api: httpx.Client) -> None:
    """A hash the caller's organization anchored before is a duplicate whose details give the item's id."""
    digest = random_hash()
    item_id = anchor(api, hash=digest)
    for extra in ({}, {"id": item_id}, {"id": str(uuid.uuid4())}):
        error = assert_media_error(request_anchor(api, hash=digest, **extra), 409, "DUPLICATE")
        assert error["details"] == {"id": item_id}


def test_foreign_duplicate_names_nobody(api: httpx.Client, stranger: httpx.Client) -> None:
    """A hash another organization anchored is a duplicate without details."""
    digest = random_hash()
    anchor(stranger, hash=digest)
    assert assert_media_error(request_anchor(api, hash=digest), 409, "DUPLICATE")["details"] is None


def test_foreign_id_is_taken(server: Server, api: httpx.Client, stranger: httpx.Client) -> None:
    """An id of another organization is a duplicate without details, whatever state its item is in."""
    item = anchor_and_wait(stranger)
    for status in (ANCHORED, FAILED, CREATED):
        if status != ANCHORED:
            set_status(server, item["id"], status)
        assert assert_media_error(request_anchor(api, id=item["id"]), 409, "DUPLICATE")["details"] is None
    assert request_anchor(stranger, id=item["id"]).status_code == 200


def test_failed_item_frees_its_hash(server: Server, api: httpx.Client, stranger: httpx.Client) -> None:
    """The hash of a failed item can be anchored by anybody else, and then no longer by the failed item."""
    item = anchor_and_wait(api)
    set_status(server, item["id"], FAILED)
    anchor(stranger, hash=item["hash"])
    error = assert_media_error(request_anchor(api, id=item["id"], hash=item["hash"]), 409, "DUPLICATE")
    assert error["details"] is None


def test_colleague_may_anchor_the_same_item_again(server: Server, member: Member, api: httpx.Client) -> None:
    """Items belong to the organization: a colleague anchors a failed one again, and it keeps its creator."""
    item = anchor_and_wait(api)
    set_status(server, item["id"], FAILED)
    colleague = server.new_member(organization=member.organization)
    with server.client(colleague.key) as other:
        assert request_anchor(other, id=item["id"]).status_code == 200
    assert wait_for_status(api, item["id"])["createdBy"]["id"] == member.person


def test_body_of_more_than_a_mebibyte_is_too_large(api: httpx.Client) -> None:
    """A body over 1 MiB answers 413, whether it says so beforehand, comes in chunks or unpacks to it."""
    body = b'{"size":1,"hash":"%s","x":"%s"}' % (random_hash().encode(), b"a" * 2**20)
    headers = {"content-type": "application/json"}
    packed = headers | {"content-encoding": "gzip"}
    for content, sent in ((body, headers), (iter([body]), headers), (gzip.compress(body), packed)):
        assert_media_error(api.post(ANCHOR, content=content, headers=sent), 413, "PAYLOAD_TOO_LARGE")
    fitting = body[: 2**20 - 2] + b'"}'
    assert api.post(ANCHOR, content=fitting, headers=headers).status_code == 201
