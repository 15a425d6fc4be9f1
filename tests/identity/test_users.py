"""`GET /v1/users`: the members of the caller's organization, in pages."""

import re
from collections.abc import Iterator

import httpx
import pytest

from _support.members import Member
from _support.responses import assert_media_error
from _support.servers import Server

USER = ["id", "firstname", "lastname", "createdOn", "profilePicture", "organization"]
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00")
COUNT = 25


@pytest.fixture(scope="module")
def crowd(server: Server) -> tuple[Member, list[str]]:
    """A member of an organization of 25, and the ids of all members, newest first; some joined at the same time."""
    member = server.new_member()
    rows = server.query(
        "with made as (insert into person (id, username, firstname)"
        " select gen_random_uuid(), 'crowd-' || n || '-' || left($1::text, 8), 'N' || n from generate_series(2, $2) n"
        " returning id, firstname)"
        " insert into membership (organization_id, person_id, role, created_on)"
        " select $3, id, 'member', now() + make_interval(secs => substr(firstname, 2)::int / 2) from made"
        " returning person_id, created_on",
        member.person[-8:],
        COUNT,
        member.organization,
    )
    newest = sorted(((row["created_on"], str(row["person_id"])) for row in rows), reverse=True)
    return member, [person for _, person in newest] + [member.person]


@pytest.fixture(scope="module")
def api(server: Server, crowd: tuple[Member, list[str]]) -> Iterator[httpx.Client]:
    """An HTTP client with that member's key."""
    with server.client(crowd[0].key) as client:
        yield client


def test_fields_of_a_user(api: httpx.Client, crowd: tuple[Member, list[str]]) -> None:
    """A user is the reference's USER_MODEL, and the page repeats the defaults, 1 and 10."""
    page = api.get("/v1/users").json()
    assert list(page) == ["total", "page", "limit", "items", "nextCursor"]
    assert (page["total"], page["page"], page["limit"], len(page["items"])) == (COUNT, 1, 10, 10)
    user = page["items"][0]
    assert list(user) == USER
    assert list(user["organization"]) == ["id", "name", "websiteUrl", "createdOn"]
    assert user["organization"]["id"] == crowd[0].organization
    assert TIME.fullmatch(user["createdOn"])
    assert TIME.fullmatch(user["organization"]["createdOn"])


@pytest.mark.parametrize("limit", [1, 10, 24, 25, 26, 100])
def test_pages_show_every_user_once(api: httpx.Client, crowd: tuple[Member, list[str]], limit: int) -> None:
    """Pages by number and by cursor show everybody once, newest first, ties by descending id."""
    by_number, by_cursor, cursor = [], [], ""
    for number in range(1, -(-COUNT // limit) + 1):
        page = api.get("/v1/users", params={"limit": limit, "page": number}).json()
        assert page["page"] == number
        by_number += [user["id"] for user in page["items"]]
        page = api.get("/v1/users", params={"limit": limit} | ({"cursor": cursor} if cursor else {})).json()
        by_cursor += [user["id"] for user in page["items"]]
        cursor = page["nextCursor"]
    assert cursor is None
    assert by_number == by_cursor == crowd[1]


def test_page_past_the_end_is_empty(api: httpx.Client) -> None:
    """A page after the last one is empty, not an error."""
    page = api.get("/v1/users?page=9").json()
    assert (page["total"], page["items"], page["nextCursor"]) == (COUNT, [], None)


@pytest.mark.parametrize("query", ["page=0", "limit=0", "limit=101", "page=x", "limit=1.5", "page=-1", "cursor=x"])
def test_invalid_page_is_rejected(api: httpx.Client, query: str) -> None:
    """A page that is not a whole number or is out of bounds is 400 naming the parameter."""
    assert_media_error(api.get(f"/v1/users?{query}"), 400, "INVALID_REQUEST", query.split("=")[0])


def test_other_organizations_are_invisible(server: Server, crowd: tuple[Member, list[str]]) -> None:
    """Nobody sees the members of another organization."""
    with server.client() as stranger:
        users = stranger.get("/v1/users?limit=100").json()["items"]
    assert {user["organization"]["id"] for user in users} == {server.organization}
    assert not {user["id"] for user in users} & set(crowd[1])


def test_person_of_two_organizations_is_in_both(server: Server, crowd: tuple[Member, list[str]]) -> None:
    """A person of two organizations is listed in each, with a key that is bound to it."""
    member = crowd[0]
    other = server.admin("create-org", "Second")["id"]
    server.query(
        "insert into membership (organization_id, person_id, role) values ($1, $2, 'member')", other, member.person
    )
    key = server.new_key(member, organization=other).key
    with server.client(key) as api:
        (user,) = api.get("/v1/users").json()["items"]
    assert (user["id"], user["organization"]["id"]) == (member.person, other)
