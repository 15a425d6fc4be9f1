"""`GET /v1/public/media/{mediaHash}`: anybody's question, answered once a file is anchored."""

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


def test_anchored_file_is_found_without_a_key(server: Server, api: httpx.Client) -> None:
    """Anybody finds an anchored file by its hash: the item without id, status and creator, in the reference's order."""
    item = anchor_and_wait(api, name="a.tif", metadata="<x/>")
    with server.client("") as anybody:
        response = anybody.get(PUBLIC + item["hash"])
    assert response.status_code == 200
    assert list(response.json()) == FIELDS
    assert response.json() == {name: item[name] for name in FIELDS}


@pytest.mark.parametrize("key", ["hm_00000000_no-such-key", ""], ids=["unknown key", "empty key"])
def test_a_bad_key_is_no_obstacle(server: Server, api: httpx.Client, key: str) -> None:
    """A key nobody has does not stand in the way of a public look-up."""
    item = anchor_and_wait(api)
    with server.client("") as anybody:
        assert anybody.get(PUBLIC + item["hash"], headers={"x-api-key": key}).status_code == 200


def test_found_answer_may_be_kept_for_ever(api: httpx.Client) -> None:
    """An anchored file's answer never changes: any cache, of any page, may keep it for a year."""
    response = api.get(PUBLIC + anchor_and_wait(api)["hash"])
    assert response.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert response.headers["access-control-allow-origin"] == "*"
    assert re.fullmatch('"[0-9a-f]{32}"', response.headers["etag"])
    assert "vary" not in response.headers
    assert "set-cookie" not in response.headers


def test_unknown_file_is_not_found_for_a_minute_at_most(api: httpx.Client) -> None:
    """An unknown hash is 404, which a cache may keep for 60 seconds at most."""
    response = api.get(PUBLIC + random_hash())
    assert assert_media_error(response, 404, "NOT_FOUND")["details"] is None
    seconds = re.search(r"max-age=(\d+)", response.headers["cache-control"])
    assert seconds is not None
    assert int(seconds[1]) <= 60


def test_file_is_not_found_until_it_is_anchored() -> None:
    """A hash is 404 to the public as long as it is only accepted; then it is found, with and without memory for it."""
    with new_server(checkpoint_interval_ms=1500, lookup_cache_mib=0) as slow, slow.client() as owner:
        anchor_and_wait(owner)  # the next checkpoint is now a second and a half away
        digest = random_hash()
        item_id = anchor(owner, hash=digest)
        response = owner.get(PUBLIC + digest)
        assert get_item(owner, item_id)["status"] == ACCEPTED
        assert_media_error(response, 404, "NOT_FOUND")
        wait_for_status(owner, item_id, ANCHORED)
        answers = [owner.get(PUBLIC + digest) for _ in range(3)]
        assert {answer.status_code for answer in answers} == {200}
        assert len({answer.content for answer in answers}) == 1


@pytest.mark.parametrize("status", [CREATED, FAILED])
def test_file_without_a_place_in_the_log_is_not_found(server: Server, api: httpx.Client, status: int) -> None:
    """A file that was only uploaded, or failed to be anchored, is not found."""
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
def test_malformed_hash_is_said_to_be(api: httpx.Client, tail: str) -> None:
    """A malformed hash is 400 with the reference's words, for look-up and proof alike."""
    error = assert_media_error(api.get(PUBLIC + tail), 400, "INVALID_HASH")
    assert error["message"] == "Hash must be 128\u2011char lowercase hexadecimal."


def test_known_answer_is_not_sent_again(api: httpx.Client) -> None:
    """Whoever has the answer gets 304 and no body, by its tag, among several tags, weak, or by a star."""
    url = PUBLIC + anchor_and_wait(api)["hash"]
    first = api.get(url)
    tag = first.headers["etag"]
    for asked in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        response = api.get(url, headers={"if-none-match": asked})
        assert (response.status_code, response.content) == (304, b"")
        assert response.headers["etag"] == tag
        assert response.headers["cache-control"] == first.headers["cache-control"]
    other = api.get(url, headers={"if-none-match": '"other"'})
    assert (other.status_code, other.content) == (200, first.content)


def test_head_is_get_without_the_body(api: httpx.Client) -> None:
    """HEAD answers the headers of GET, its length included, and no body; for what is not there too."""
    for url in (PUBLIC + anchor_and_wait(api)["hash"], PUBLIC + random_hash(), PUBLIC + "abc"):
        whole, only_head = api.get(url), api.head(url)
        assert (only_head.status_code, only_head.content) == (whole.status_code, b"")
        for name in ("content-type", "content-length", "cache-control", "etag"):
            assert only_head.headers.get(name) == whole.headers.get(name)
