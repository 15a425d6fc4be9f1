"""`GET /v1/media` and `GET /v1/media/{mediaId}`: an organization's own items, page by page."""

import re
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from _support.anchoring import (
    ACCEPTED,
    ANCHORED,
    CREATED,
    FAILED,
    anchor,
    anchor_and_wait,
    post_batch,
    random_hash,
    read_batch_results,
    set_status,
    to_ndjson,
)
from _support.members import Member
from _support.responses import assert_media_error
from _support.servers import Server
from _support.waiting import wait_until

TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
ITEM = ["id", "hash", "name", "size", "thumbnail", "status", "createdOn", "createdBy", "metadata", "transaction"]
USER = ["id", "firstname", "lastname", "createdOn", "profilePicture", "organization"]
ORGANIZATION = ["id", "name", "websiteUrl", "createdOn"]
TRANSACTION = ["transactionId", "blockId", "blockNumber", "networkValidators", "anchoredTime", "createdOn"]
COUNT = 47


@pytest.fixture(scope="module")
def library(server: Server) -> Iterator[tuple[httpx.Client, list[str]]]:
    """A member of an organization of 47 items, and their ids, newest first; all of one batch have one time."""
    with server.client(server.new_member().key) as api:
        ids = []
        for first in range(0, COUNT, 10):
            numbers = range(first, min(first + 10, COUNT))
            items = [{"hash": random_hash(), "size": number, "name": f"Picture {number}.TIF"} for number in numbers]
            batch = [answer["id"] for answer in read_batch_results(post_batch(api, to_ndjson(*items)))]
            ids[:0] = sorted(batch, reverse=True)
        wait_until(lambda: api.get("/v1/media?status=3").json()["total"] == COUNT)
        yield api, ids


def get_page(api: httpx.Client, **query: object) -> dict[str, Any]:
    """One page of the listing."""
    response = api.get("/v1/media", params={name: str(value) for name, value in query.items()})
    assert response.status_code == 200, response.text
    return dict(response.json())


def ids_of(page: dict[str, Any]) -> list[str]:
    """The ids on a page."""
    return [item["id"] for item in page["items"]]


def walk(api: httpx.Client, **query: object) -> list[str]:
    """Every id, cursor by cursor."""
    page = get_page(api, **query)
    found = ids_of(page)
    while page["nextCursor"] is not None:
        page = get_page(api, **query, cursor=page["nextCursor"])
        assert page["items"]
        found += ids_of(page)
    return found


def test_first_page_has_the_defaults(library: tuple[httpx.Client, list[str]]) -> None:
    """Without parameters the first ten are shown, newest first, ties by id descending, with total, page and limit."""
    api, ids = library
    page = get_page(api)
    assert list(page) == ["total", "page", "limit", "items", "nextCursor"]
    assert (page["total"], page["page"], page["limit"], ids_of(page)) == (COUNT, 1, 10, ids[:10])


@pytest.mark.parametrize("limit", [1, 7, 10, 46, 47, 48, 100])
def test_pages_show_every_item_once(library: tuple[httpx.Client, list[str]], limit: int) -> None:
    """Paging through by number or by cursor shows every item, in order and never twice, ties included."""
    api, ids = library
    pages = [get_page(api, limit=limit, page=number) for number in range(1, -(-COUNT // limit) + 1)]
    assert [one for page in pages for one in ids_of(page)] == ids
    assert [page["page"] for page in pages] == list(range(1, len(pages) + 1))
    assert [page["nextCursor"] is None for page in pages] == [False] * (len(pages) - 1) + [True]
    assert walk(api, limit=limit) == ids


def test_page_past_the_end_is_empty(library: tuple[httpx.Client, list[str]]) -> None:
    """A page past the end has no items and no next, however far past it is."""
    api, _ = library
    for number in (6, 10**18, 10**29):
        page = get_page(api, page=number)
        assert (page["total"], page["page"], page["items"], page["nextCursor"]) == (COUNT, number, [], None)


def test_cursor_counts_no_pages(library: tuple[httpx.Client, list[str]]) -> None:
    """Beside a cursor, page is null, even if it was sent."""
    api, ids = library
    cursor = get_page(api, limit=5)["nextCursor"]
    page = get_page(api, limit=5, cursor=cursor, page=3)
    assert (page["page"], page["limit"], page["total"], ids_of(page)) == (None, 5, COUNT, ids[5:10])


def test_cursor_skips_what_came_meanwhile(server: Server) -> None:
    """Items anchored while somebody pages by cursor neither repeat nor hide an older one."""
    with server.client(server.new_member().key) as api:
        old = [anchor(api) for _ in range(6)][::-1]
        page = get_page(api, limit=2)
        found = ids_of(page)
        while page["nextCursor"] is not None:
            anchor(api)
            page = get_page(api, limit=2, cursor=page["nextCursor"])
            found += ids_of(page)
        assert found == old


def test_items_have_the_references_shape(library: tuple[httpx.Client, list[str]], server: Server) -> None:
    """An item is the reference's MEDIA_ITEM_MODEL, field by field and in its order, alone as in the listing."""
    api, ids = library
    item = get_page(api, limit=1)["items"][0]
    assert api.get(f"/v1/media/{ids[0]}").json() == item
    assert api.get(f"/v1/media/{ids[0].upper()}").json() == item
    assert list(item) == ITEM
    assert (list(item["createdBy"]), list(item["createdBy"]["organization"])) == (USER, ORGANIZATION)
    assert (item["createdBy"]["firstname"], item["createdBy"]["lastname"]) == ("Jane", "Doe")
    transaction = item["transaction"]
    assert list(transaction) == TRANSACTION
    for time in (item["createdOn"], item["createdBy"]["createdOn"], transaction["createdOn"]):
        assert TIME.fullmatch(time)
    assert re.fullmatch("0x[0-9a-f]{64}", transaction["transactionId"])
    assert re.fullmatch("0x[0-9a-f]{64}", transaction["blockId"])
    assert transaction["anchoredTime"] == int(datetime.fromisoformat(transaction["createdOn"]).timestamp())
    assert (transaction["networkValidators"], item["thumbnail"], item["metadata"]) == (1, None, "{}")


def test_item_without_a_place_in_the_log_has_no_transaction(server: Server, member: Member, api: httpx.Client) -> None:
    """An item that is created, accepted or failed has a null transaction."""
    item = anchor_and_wait(api)
    for status in (CREATED, ACCEPTED, FAILED):
        set_status(server, item["id"], status)
        shown = api.get(f"/v1/media/{item['id']}").json()
        assert (shown["status"], shown["transaction"]) == (status, None)
        assert ids_of(get_page(api, status=status)) == [item["id"]]
        assert get_page(api, status=ANCHORED)["total"] == get_page(api)["total"] - 1


def test_name_filter_finds_any_part_whatever_the_case(library: tuple[httpx.Client, list[str]]) -> None:
    """`name` finds what contains it, whatever the case; `%`, `_` and backslash stand for themselves."""
    api, _ = library
    assert get_page(api, name="ICTURE 1")["total"] == 11
    assert get_page(api, name="picture 12.tif")["total"] == 1
    assert get_page(api, name="")["total"] == COUNT
    for nothing in ("%", "_", "\\", "1%2", "Picture_1", "nobody"):
        assert get_page(api, name=nothing) == {"total": 0, "page": 1, "limit": 10, "items": [], "nextCursor": None}
    odd = anchor(api, name="100%_of\\it")
    for part in ("%", "_", "\\", "0%_o"):
        assert ids_of(get_page(api, name=part)) == [odd]


def test_time_filters_include_from_and_exclude_to(server: Server) -> None:
    """`createdFrom` is inclusive, `createdTo` exclusive, in any zone, and a date is its midnight in UTC."""
    with server.client(server.new_member().key) as api:
        made = [anchor(api) for _ in range(3)]
        times = [api.get(f"/v1/media/{item_id}").json()["createdOn"] for item_id in made]
        assert ids_of(get_page(api, createdFrom=times[1])) == [made[2], made[1]]
        assert ids_of(get_page(api, createdTo=times[1])) == [made[0]]
        assert ids_of(get_page(api, createdFrom=times[1], createdTo=times[2])) == [made[1]]
        assert ids_of(get_page(api, createdFrom=times[2].replace("+00:00", "Z"))) == [made[2]]
        moved = datetime.fromisoformat(times[2]) + timedelta(hours=2)
        assert ids_of(get_page(api, createdFrom=moved.replace(tzinfo=None).isoformat() + "+02:00")) == [made[2]]
        assert api.get(f"/v1/media?createdFrom={times[2]}").json()["total"] == 1  # its plus sign arrives as a space
        today = datetime.now(UTC).date()
        assert get_page(api, createdFrom=today - timedelta(days=1))["total"] == 3
        assert get_page(api, createdTo=today - timedelta(days=1))["total"] == 0


def test_filters_hold_over_pages_and_cursors(library: tuple[httpx.Client, list[str]]) -> None:
    """A filtered listing counts and pages what the filter finds, and nothing else."""
    api, _ = library
    assert len(set(walk(api, name="picture 1", status=ANCHORED, limit=3))) == 11
    pages = [get_page(api, name="picture 1", limit=4, page=number) for number in (1, 2, 3)]
    assert [len(page["items"]) for page in pages] == [4, 4, 3]
    assert {page["total"] for page in pages} == {11}


def test_foreign_items_are_invisible(
    library: tuple[httpx.Client, list[str]], api: httpx.Client, stranger: httpx.Client
) -> None:
    """Another organization's item, an unknown id and a malformed one are 404 alike, and in no listing."""
    _, ids = library
    words = set()
    for item_id in (ids[0], str(uuid.uuid4()), "no-uuid", ids[0].replace("-", ""), "0", "%20"):
        words.add(assert_media_error(api.get(f"/v1/media/{item_id}"), 404, "NOT_FOUND")["message"])
    assert len(words) == 1
    for other in (api, stranger):
        assert not set(ids) & set(walk(other, limit=100))


def test_colleagues_see_the_same_items(server: Server, member: Member, api: httpx.Client) -> None:
    """Everybody in an organization sees its items, whoever made them."""
    item_id = anchor(api)
    with server.client(server.new_member(organization=member.organization).key) as colleague:
        shown = colleague.get(f"/v1/media/{item_id}").json()
        assert shown["createdBy"]["id"] == member.person
        assert walk(colleague) == walk(api)
