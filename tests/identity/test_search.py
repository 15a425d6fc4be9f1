"""Search for people by a part of their username or name."""

import asyncio
import secrets
from collections.abc import Iterator

import asyncpg
import httpx
import pytest

from _support.clients import exchange_client
from _support.members import Member
from _support.responses import assert_exchange_error
from _support.servers import Server
from hallmarket.server.identity.provisioning import create_person


@pytest.fixture
def me(server: Server, member: Member) -> Iterator[httpx.Client]:
    """A client with the member's token."""
    with exchange_client(server, member.key) as client:
        yield client


def create_people(server: Server, *people: tuple[str, str, str]) -> None:
    """Create people with a username, a first name and a last name."""

    async def make() -> None:
        connection = await asyncpg.connect(server.postgres_url)
        try:
            for username, firstname, lastname in people:
                await create_person(connection, username, firstname=firstname, lastname=lastname)
        finally:
            await connection.close()

    asyncio.run(make())


def usernames(response: httpx.Response) -> list[str]:
    """Return the usernames that a search found."""
    assert response.status_code == 200, response.text
    return [user["username"] for user in response.json()["data"]]


def test_best_matches_come_first(server: Server, me: httpx.Client) -> None:
    """Equal usernames come first, then equal names, then beginnings, then the rest; ties by username."""
    mark = "z" + secrets.token_hex(4)
    create_people(
        server,
        (f"y{mark}", "Nobody", "Much"),
        (f"n2-{mark[1:]}", "Ann", f"{mark.title()}son"),
        (f"{mark}2", "Bea", "Cee"),
        (f"{mark}1", "Bea", "Cee"),
        (f"n1-{mark[1:]}", mark.upper(), ""),
        (mark, "Zoe", "Last"),
    )
    expected = [mark, f"n1-{mark[1:]}", f"{mark}1", f"{mark}2", f"n2-{mark[1:]}", f"y{mark}"]
    assert usernames(me.get("/users/search", params={"query": mark})) == expected
    assert usernames(me.get("/users/search", params={"query": f" {mark.upper()} "})) == expected
    pages = [me.get("/users/search", params={"query": mark, "offset": at, "limit": 2}) for at in (0, 2, 4, 6)]
    assert [usernames(page) for page in pages] == [expected[0:2], expected[2:4], expected[4:6], []]
    assert [page.json()["pagination"]["hasMore"] for page in pages] == [True, True, False, False]
    assert {page.json()["pagination"]["total"] for page in pages} == {6}


def test_case_and_spaces(server: Server, me: httpx.Client) -> None:
    """Letter case is ignored beyond ASCII too, and a full name is found with its space."""
    mark = secrets.token_hex(4)
    create_people(server, (f"u{mark}", "Élodie", f"Öz{mark}"))
    for query in (f"ÖZ{mark}", f"élodie  öz{mark}", f"ÉLODIE ÖZ{mark}"[4:]):
        assert usernames(me.get("/users/search", params={"query": query})) == [f"u{mark}"]


@pytest.mark.parametrize("query", ["%", "_%", "\\", "'; drop table person; --", "nobody is called this"])
def test_query_is_plain_text(me: httpx.Client, query: str) -> None:
    """Nothing in a query acts as a pattern or a command."""
    assert usernames(me.get("/users/search", params={"query": query + "zzz"})) == []


def test_empty_query_lists_everybody(server: Server, me: httpx.Client, member: Member) -> None:
    """An empty query lists everybody, in pages, each person once."""
    (row,) = server.query("select count(*) as people from person")
    seen: list[str] = []
    more = True
    while more:
        response = me.get("/users/search", params={"offset": len(seen), "limit": 200})
        seen += usernames(response)
        more = response.json()["pagination"]["hasMore"]
    assert len(seen) == len(set(seen)) == row["people"]
    assert member.username in seen


def test_results_are_profiles(me: httpx.Client, member: Member) -> None:
    """A search result is the person's profile."""
    found = me.get("/users/search", params={"query": member.username}).json()["data"]
    assert [user["isSelf"] for user in found] == [True]
    assert found[0].keys() == me.get(f"/users/{member.username}").json()["data"].keys()


@pytest.mark.parametrize("query", ["query=" + "x" * 201, "query=%00", "limit=0", "limit=201", "offset=-1", "query=%ff"])
def test_invalid_search_is_rejected(me: httpx.Client, query: str) -> None:
    """A query that is too long or not valid text, and an invalid page, are rejected."""
    assert_exchange_error(me.get(f"/users/search?{query}"), 400, "invalid_request")
