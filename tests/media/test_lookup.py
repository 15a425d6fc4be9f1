"""`GET /v1/public/media/{mediaHash}`: public look-ups, which find anchored files."""

import re

import httpx
import pytest

from _support.anchoring import (
    ACCEPTED,
    ANCHORED,
    CREATED,
    FAILED,
    anchor,
    anchor_and_wait,
    get_item,
    random_hash,
    set_status,
    wait_for_status,
)
from _support.responses import assert_media_error
from _support.servers import Server, new_server

PUBLIC = "/v1/public/media/"
FIELDS = ["hash", "name", "size", "thumbnail", "createdOn", "metadata", "transaction"]


def test_an_anchored_file_is_found_without_a_key(server: Server, api: httpx.Client) -> None:
    """A look-up by hash needs no key. It returns the item without id, status and creator, in the reference's order."""
    item = anchor_and_wait(api, name="a.tif", metadata="<x/>")
    with server.client("") as client:
        response = client.get(PUBLIC + item["hash"])
    assert response.status_code == 200
    assert list(response.json()) == FIELDS
    assert response.json() == {name: item[name] for name in FIELDS}


@pytest.mark.parametrize("key", ["hm_00000000_no-such-key", ""], ids=["unknown key", "empty key"])
def test_an_unknown_key_is_ignored(server: Server, api: httpx.Client, key: str) -> None:
    """A look-up with an unknown or empty key is answered."""
    item = anchor_and_wait(api)
    with server.client("") as client:
        assert client.get(PUBLIC + item["hash"], headers={"x-api-key": key}).status_code == 200


def test_a_response_can_be_cached_for_a_year(api: httpx.Client) -> None:
    """The response for an anchored file never changes: any cache can store it for a year, for pages of any origin."""
    response = api.get(PUBLIC + anchor_and_wait(api)["hash"])
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["access-control-allow-origin"] == "*"
    assert re.fullmatch('"[0-9a-f]{32}"', response.headers["etag"])
    assert "vary" not in response.headers
    assert "set-cookie" not in response.headers


def test_a_404_can_be_cached_for_a_minute_at_most(api: httpx.Client) -> None:
    """An unknown hash is 404, which a cache can store for at most 60 seconds."""
    response = api.get(PUBLIC + random_hash())
    assert assert_media_error(response, 404, "NOT_FOUND")["details"] is None
    seconds = re.search(r"max-age=(\d+)", response.headers["cache-control"])
    assert seconds is not None
    assert int(seconds[1]) <= 60


def test_a_file_is_not_found_until_it_is_anchored() -> None:
    """An accepted hash is 404 until it is anchored. Then it is found, here by a server without a cache."""
    with new_server(checkpoint_interval_ms=1500, lookup_cache_mib=0) as slow, slow.client() as owner:
        anchor_and_wait(owner)  # the next checkpoint is now a second and a half away
        digest = random_hash()
        item_id = anchor(owner, hash=digest)
        response = owner.get(PUBLIC + digest)
        assert get_item(owner, item_id)["status"] == ACCEPTED
        assert_media_error(response, 404, "NOT_FOUND")
        wait_for_status(owner, item_id, ANCHORED)
        responses = [owner.get(PUBLIC + digest) for _ in range(3)]
        assert {response.status_code for response in responses} == {200}
        assert len({response.content for response in responses}) == 1


@pytest.mark.parametrize("status", [CREATED, FAILED])
def test_a_file_outside_the_log_is_not_found(server: Server, api: httpx.Client, status: int) -> None:
    """A created or failed item is not found."""
    item = anchor_and_wait(api)
    set_status(server, item["id"], status)
    assert_media_error(api.get(PUBLIC + item["hash"]), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    "tail",
    [
        *("abc", "A" * 128, "g" * 128, "a" * 127, "a" * 129, "", "a" * 127 + "%00", "a" * 128 + "%0a", "%C3%BC" * 64),
        *("abc/proof", "A" * 128 + "/proof", "a" * 127 + "/proof", "a" * 128 + "%0a/proof"),
    ],
    ids=[
        *("short", "upper case", "no digits", "127", "129", "empty", "NUL", "line feed", "letters"),
        *("proof of short", "proof of upper case", "proof of 127", "proof of line feed"),
    ],
)
def test_a_malformed_hash_is_400(api: httpx.Client, tail: str) -> None:
    """A malformed hash is 400 with the reference's message, for look-ups and proofs."""
    error = assert_media_error(api.get(PUBLIC + tail), 400, "INVALID_HASH")
    assert error["message"] == "Hash must be 128\u2011char lowercase hexadecimal."


def test_a_current_entity_tag_gets_304(api: httpx.Client) -> None:
    """`If-None-Match` with the current tag, alone, weak or among others, or with a star, gets 304 without a body."""
    url = PUBLIC + anchor_and_wait(api)["hash"]
    first = api.get(url)
    tag = first.headers["etag"]
    for value in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        response = api.get(url, headers={"if-none-match": value})
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["etag"] == tag
        assert response.headers["cache-control"] == first.headers["cache-control"]
    other = api.get(url, headers={"if-none-match": '"other"'})
    assert (other.status_code, other.content) == (200, first.content)


def test_head_is_get_without_a_body(api: httpx.Client) -> None:
    """HEAD returns the headers of GET, including its length, and no body, also for errors."""
    for url in (PUBLIC + anchor_and_wait(api)["hash"], PUBLIC + random_hash(), PUBLIC + "abc"):
        get, head = api.get(url), api.head(url)
        assert (head.status_code, head.content) == (get.status_code, b"")
        for name in ("content-type", "content-length", "cache-control", "etag"):
            assert head.headers.get(name) == get.headers.get(name)
