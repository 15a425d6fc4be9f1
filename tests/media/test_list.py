"""`GET /v1/media` and `GET /v1/media/{mediaId}`: the items of the caller's organization."""

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
    """A client of an organization with 47 items, and their ids, newest first. Items of one batch have the same time."""
    with server.client(server.new_member().key) as api:
        ids = []
        for first in range(0, COUNT, 10):
            numbers = range(first, min(first + 10, COUNT))
            items = [{"hash": random_hash(), "size": number, "name": f"Picture {number}.TIF"} for number in numbers]
            batch = [result["id"] for result in read_batch_results(post_batch(api, to_ndjson(*items)))]
            ids[:0] = sorted(batch, reverse=True)
        wait_until(lambda: api.get("/v1/media?status=3").json()["total"] == COUNT)
        yield api, ids


def get_page(api: httpx.Client, **query: object) -> dict[str, Any]:
    """Get one page of the list."""
    response = api.get("/v1/media", params={name: str(value) for name, value in query.items()})
    assert response.status_code == 200, response.text
    return dict(response.json())


def ids_of(page: dict[str, Any]) -> list[str]:
    """Return the ids on a page."""
    return [item["id"] for item in page["items"]]


def walk(api: httpx.Client, **query: object) -> list[str]:
    """Return the ids of all pages, following the cursors."""
    page = get_page(api, **query)
    found = ids_of(page)
    while page["nextCursor"] is not None:
        page = get_page(api, **query, cursor=page["nextCursor"])
        assert page["items"]
        found += ids_of(page)
    return found


def test_the_first_page_has_defaults(library: tuple[httpx.Client, list[str]]) -> None:
    """Without parameters the page has the ten newest items, by id at the same time, with total, page and limit."""
    api, ids = library
    page = get_page(api)
    assert list(page) == ["total", "page", "limit", "items", "nextCursor"]
    assert (page["total"], page["page"], page["limit"], ids_of(page)) == (COUNT, 1, 10, ids[:10])


@pytest.mark.parametrize("limit", [1, 7, 10, 46, 47, 48, 100])
def test_pages_contain_every_item_once(library: tuple[httpx.Client, list[str]], limit: int) -> None:
    """Pages by number or by cursor contain every item once and in order, also items of the same time."""
    api, ids = library
    pages = [get_page(api, limit=limit, page=number) for number in range(1, -(-COUNT // limit) + 1)]
    assert [item_id for page in pages for item_id in ids_of(page)] == ids
    assert [page["page"] for page in pages] == list(range(1, len(pages) + 1))
    assert [page["nextCursor"] is None for page in pages] == [False] * (len(pages) - 1) + [True]
    assert walk(api, limit=limit) == ids


def test_a_page_after_the_end_is_empty(library: tuple[httpx.Client, list[str]]) -> None:
    """A page at any distance after the end has no items and no cursor."""
    api, _ = library
    for number in (6, 10**18, 10**29):
        page = get_page(api, page=number)
        assert (page["total"], page["page"], page["items"], page["nextCursor"]) == (COUNT, number, [], None)


def test_with_a_cursor_page_is_null(library: tuple[httpx.Client, list[str]]) -> None:
    """With a cursor, `page` is ignored and null in the response."""
    api, ids = library
    cursor = get_page(api, limit=5)["nextCursor"]
    page = get_page(api, limit=5, cursor=cursor, page=3)
    assert (page["page"], page["limit"], page["total"], ids_of(page)) == (None, 5, COUNT, ids[5:10])


def test_new_items_do_not_shift_a_cursor(server: Server) -> None:
    """Items that are anchored between two pages by cursor neither repeat nor hide an older item."""
    with server.client(server.new_member().key) as api:
        old = [anchor(api) for _ in range(6)][::-1]
        page = get_page(api, limit=2)
        found = ids_of(page)
        while page["nextCursor"] is not None:
            anchor(api)
            page = get_page(api, limit=2, cursor=page["nextCursor"])
            found += ids_of(page)
        assert found == old


def test_an_item_has_the_references_fields(library: tuple[httpx.Client, list[str]], server: Server) -> None:
    """An item has the fields of the reference's MEDIA_ITEM_MODEL in their order, alone and in a list."""
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


def test_an_item_outside_the_log_has_no_transaction(server: Server, member: Member, api: httpx.Client) -> None:
    """The transaction of a created, accepted or failed item is null."""
    item = anchor_and_wait(api)
    for status in (CREATED, ACCEPTED, FAILED):
        set_status(server, item["id"], status)
        read = api.get(f"/v1/media/{item['id']}").json()
        assert (read["status"], read["transaction"]) == (status, None)
        assert ids_of(get_page(api, status=status)) == [item["id"]]
        assert get_page(api, status=ANCHORED)["total"] == get_page(api)["total"] - 1


def test_the_name_filter_finds_any_part(library: tuple[httpx.Client, list[str]]) -> None:
    """`name` finds names that contain it in upper or lower case. `%`, `_` and backslash are ordinary characters."""
    api, _ = library
    assert get_page(api, name="ICTURE 1")["total"] == 11
    assert get_page(api, name="picture 12.tif")["total"] == 1
    assert get_page(api, name="")["total"] == COUNT
    for missing in ("%", "_", "\\", "1%2", "Picture_1", "nobody"):
        assert get_page(api, name=missing) == {"total": 0, "page": 1, "limit": 10, "items": [], "nextCursor": None}
    odd = anchor(api, name="100%_of\\it")
    for part in ("%", "_", "\\", "0%_o"):
        assert ids_of(get_page(api, name=part)) == [odd]


def test_the_time_filters_include_from_and_exclude_to(server: Server) -> None:
    """`createdFrom` is inclusive and `createdTo` exclusive, in any time zone. A date means midnight in UTC."""
    with server.client(server.new_member().key) as api:
        ids = [anchor(api) for _ in range(3)]
        times = [api.get(f"/v1/media/{item_id}").json()["createdOn"] for item_id in ids]
        assert ids_of(get_page(api, createdFrom=times[1])) == [ids[2], ids[1]]
        assert ids_of(get_page(api, createdTo=times[1])) == [ids[0]]
        assert ids_of(get_page(api, createdFrom=times[1], createdTo=times[2])) == [ids[1]]
        assert ids_of(get_page(api, createdFrom=times[2].replace("+00:00", "Z"))) == [ids[2]]
        moved = datetime.fromisoformat(times[2]) + timedelta(hours=2)
        assert ids_of(get_page(api, createdFrom=moved.replace(tzinfo=None).isoformat() + "+02:00")) == [ids[2]]
        assert api.get(f"/v1/media?createdFrom={times[2]}").json()["total"] == 1  # the plus sign arrives as a space
        today = datetime.now(UTC).date()
        assert get_page(api, createdFrom=today - timedelta(days=1))["total"] == 3
        assert get_page(api, createdTo=today - timedelta(days=1))["total"] == 0


def test_filters_apply_to_pages_and_cursors(library: tuple[httpx.Client, list[str]]) -> None:
    """The total and the pages of a filtered list contain only items that match."""
    api, _ = library
    assert len(set(walk(api, name="picture 1", status=ANCHORED, limit=3))) == 11
    pages = [get_page(api, name="picture 1", limit=4, page=number) for number in (1, 2, 3)]
    assert [len(page["items"]) for page in pages] == [4, 4, 3]
    assert {page["total"] for page in pages} == {11}


def test_items_of_other_organizations_are_invisible(
    library: tuple[httpx.Client, list[str]], api: httpx.Client, stranger: httpx.Client
) -> None:
    """Another organization's item, an unknown id and a malformed id get the same 404, and are in no list."""
    _, ids = library
    messages = set()
    for item_id in (ids[0], str(uuid.uuid4()), "no-uuid", ids[0].replace("-", ""), "0", "%20"):
        messages.add(assert_media_error(api.get(f"/v1/media/{item_id}"), 404, "NOT_FOUND")["message"])
    assert len(messages) == 1
    for other in (api, stranger):
        assert not set(ids) & set(walk(other, limit=100))


def test_colleagues_see_the_same_items(server: Server, member: Member, api: httpx.Client) -> None:
    """All members of an organization see all of its items."""
    item_id = anchor(api)
    with server.client(server.new_member(organization=member.organization).key) as colleague:
        item = colleague.get(f"/v1/media/{item_id}").json()
        assert item["createdBy"]["id"] == member.person
        assert walk(colleague) == walk(api)
