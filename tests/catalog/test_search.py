"""Search by words, scopes, filters and orders, among the assets that one may know of."""

import asyncio
import json
import secrets
from typing import Any
from uuid import UUID, uuid4

import pytest

from _support.assets import make_asset
from _support.organizations import Organization, User
from _support.responses import assert_exchange_error
from hallmarket.server.catalog.search import search_assets
from hallmarket.server.catalog.search_query import read_search
from hallmarket.server.database.connections import Database
from hallmarket.server.paging import Window
from hallmarket.server.principal import Person, Principal

ZERO_ID = "00000000-0000-0000-0000-000000000000"


@pytest.fixture
def word() -> str:
    """A word that no other test's assets have."""
    return f"w{secrets.token_hex(6)}"


def search(who: User, query: str = "", *, filters: Any = None, metadata: Any = None, **parameters: Any) -> list[str]:
    """Return the ids that a person finds, in order."""
    page = who.client.get("/search/assets", params=search_parameters(query, filters, metadata) | parameters)
    assert page.status_code == 200, page.text
    return [hit["id"] for hit in page.json()["data"]]


def search_parameters(query: str, filters: Any, metadata: Any) -> dict[str, Any]:
    """Return the parameters of a search as clients send them."""
    given = {"query": query, "filters": filters, "metadata_filters": metadata}
    return {name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items() if value}


def make(org: Organization, name: str, asset_type: str = "file", **fields: Any) -> str:
    """Create an asset of the administrator in the organization."""
    fields = {"visibility": "organization"} | fields
    return make_asset(org.server, org.admin, asset_type, name=name, org_id=org.id, **fields)


def test_words(org: Organization, word: str) -> None:
    """An asset must match all words, the last one as a prefix; quotes, `or` and minus work as usual."""
    scan = make(org, f"{word}_harbour-scan.1944.tif")
    map_ = make(org, f"Map of {word}", description="The red harbour crane")
    text = make(org, f"Köln {word}", "post", body="Ebbe und Flut")
    cases = {
        word: {scan, map_, text},
        word[:-3]: {scan, map_, text},
        f"{word} harb": {scan, map_},
        f"harb {word}": set(),
        f"{word} SCAN": {scan},
        f"{word}_harbour-scan.1944.tif": {scan},
        f"{word} 19": {scan},
        f'{word} "harbour crane"': {map_},
        f'{word} "crane harbour"': set(),
        f"{word} -crane": {scan, text},
        f"{word} crane or {word} flut": {map_, text},
        f"{word} köln ebbe": {text},
        f"{word} 'harbour & (!": {scan, map_},
        "!!! & | ( :*": set(),
    }
    for query, expected in cases.items():
        assert set(search(org.admin, query)) == expected, query


def test_relevance(org: Organization, word: str) -> None:
    """A match in the name is more relevant than one in the description, and that more than one in the content."""
    body = make(org, "one", body=f"{word} is here")
    name = make(org, f"{word} two")
    described = make(org, "three", description={"text": f"About {word}.", "json": {"type": "doc"}})
    assert search(org.admin, word) == [name, described, body]
    assert search(org.admin, word, sort="relevant") == [name, described, body]
    assert search(org.admin, word, sort="recent") == [described, name, body]


def test_an_id_finds_its_asset(org: Organization, word: str) -> None:
    """A UUID finds the asset with this id, if one may know of it."""
    asset, guest = make(org, word, visibility="private"), org.new_user()
    assert search(org.admin, asset) == search(org.admin, asset.upper()) == [asset]
    assert search(guest, asset) == search(org.admin, str(uuid4())) == []


def test_hits_are_complete_assets(org: Organization, word: str) -> None:
    """A hit equals the response of `GET /assets/{id}`, except for the text of its licence."""
    asset = make(org, word, "dataset", preview=[{"a": 1}], metadata={"columns": ["a"]})
    (hit,) = org.admin.call("GET", "/search/assets", params={"query": word})
    assert hit | {"license_text": None} == org.admin.call("GET", f"/assets/{asset}")
    assert hit["preview"] == [{"a": 1}]


def test_assets_for_sale_are_found_by_their_listing(org: Organization, word: str) -> None:
    """Everyone finds an asset for sale by its name, and only readers find it by its content."""
    admin = org.admin
    team = admin.create_team("shop", visibility="public")["id"]
    asset = make(
        org, word, "post", body=f"secret{word}", visibility="monetized", team_id=team,
        monetization="pay-to-unlock", price_usd=5,
    )  # fmt: skip
    guest, buyer = org.new_outsider(), org.with_unbound_key(org.new_outsider())
    given = {"permission": {"user": {"user_id": buyer.id}, "role": "read"}}
    admin.call("PUT", f"/assets/{asset}/share", json=given)
    for who, finds in ((guest, []), (buyer, [asset]), (admin, [asset])):
        assert search(who, word) == [asset]
        assert search(who, f"secret{word}") == search(who, f"{word} secret{word}") == finds
        lacking = [] if finds else [asset]  # an exclusion must not reveal the content either
        assert search(who, f"{word} -secret{word}") == lacking
        assert search(who, f"-secret{word}", filters={"user_id": admin.id}) == lacking
    assert guest.call("GET", "/search/assets", params={"query": word})[0]["role"] is None
    for who in (guest, buyer, admin):
        assert search(who, word, scope="purchased") == []


def test_filters(org: Organization, word: str) -> None:
    """Each filter limits the result; several filters must all match, and a list matches any of its values."""
    admin, guest = org.admin, org.new_user()
    team = admin.create_team("desk")["id"]
    file = make(org, word, "file", team_id=team, source="web", metadata={"extension": "tif", "type": "image/tiff"})
    data = make(org, word, "dataset", visibility="private", metadata={"columns": ["a"]})
    mine = make_asset(org.server, guest, "file", name=word, org_id=org.id, source_id=file,
                      lineage_role="version", metadata={"extension": "pdf", "type": "application/pdf"})  # fmt: skip
    comment = make_asset(org.server, admin, "comment", name=word, parent_id=file)
    cases: list[tuple[dict[str, Any], set[str]]] = [
        ({}, {file, data, mine}),
        ({"asset_type": "file"}, {file, mine}),
        ({"asset_type": ["dataset", "comment"]}, {data, comment}),
        ({"asset_type": "route"}, set()),
        ({"org_id": org.id}, {file, data, mine}),
        ({"org_id": ZERO_ID}, set()),
        ({"team_id": team}, {file}),
        ({"team_id": ZERO_ID}, set()),
        ({"user_id": guest.id}, {mine}),
        ({"visibility": "private"}, {data}),
        ({"visibility": ["private", "organization"], "asset_type": "file"}, {file, mine}),
        ({"source": "web"}, {file}),
        ({"top_level_only": True}, {file, data}),
        ({"top_level_only": False, "asset_type": None}, {file, data, mine}),
        ({"nothing": "known"}, {file, data, mine}),
    ]
    for filters, expected in cases:
        assert set(search(admin, word, filters=filters)) == expected, filters
    for metadata, expected in (
        ({"extension": "tif"}, {file}),
        ({"extension": [".TIF", "pdf"]}, {file, mine}),
        ({"file_type": "image"}, {file}),
        ({"file_type": ["pdf", "video"]}, {mine}),
        ({"columns": ["a"]}, {data}),
        ({"extension": "tif", "type": "image/png"}, set()),
    ):
        assert set(search(admin, word, metadata=metadata)) == expected, metadata


def test_tags_are_filters(org: Organization, word: str) -> None:
    """The filter `tag` finds the assets with a tag, in any spelling with the same slug."""
    asset, other = make(org, word), make(org, word)
    org.admin.call("PUT", f"/assets/{asset}/tags", json={"tags": [f"Tide {word}", "1944"]})
    org.admin.call("PUT", f"/assets/{other}/tags", json={"tags": ["1944"]})
    assert search(org.admin, filters={"tag": f"tide-{word}"}) == [asset]
    assert set(search(org.admin, word, filters={"tag": ["1944", "x"]})) == {asset, other}
    assert search(org.admin, word, filters={"tag": "none such"}) == []


def test_orders(org: Organization, word: str) -> None:
    """Results are ordered by creation, by update, or by popularity in a time window; unpopular assets come last."""
    ids = [make(org, word) for _ in range(5)]
    assert search(org.admin, word, sort="recent") == ids[::-1]
    org.admin.call("PUT", f"/assets/{ids[1]}/tags", json={"tags": ["x"]})
    org.server.query("update asset set updated_on = now() where id = $1", ids[2])
    assert search(org.admin, word, sort="updated")[0] == ids[2]
    for guest, viewed in ((org.new_user(), ids[:2]), (org.new_user(), ids[:1])):
        for asset in viewed:
            guest.call("POST", f"/assets/{asset}/view")
    popular = [ids[0], ids[1], ids[4], ids[3], ids[2]]
    assert search(org.admin, word, sort="popular") == popular
    pages = [search(org.admin, word, sort="popular", limit=2, offset=offset) for offset in (0, 1, 2, 4, 5)]
    assert pages == [popular[:2], popular[1:3], popular[2:4], popular[4:], []]
    org.server.query("update asset_day set day = day - 10 where asset_id = $1", ids[0])
    assert search(org.admin, word, sort="popular", time_window="week")[0] == ids[1]
    assert search(org.admin, word, sort="popular", time_window="all") == popular


@pytest.mark.parametrize("sort", ["relevant", "recent", "updated", "popular"])
def test_has_more_is_exact(org: Organization, word: str, sort: str) -> None:
    """`hasMore` is false on the last page, even if that page is full."""
    ids = {make(org, word) for _ in range(4)}
    org.new_user().call("POST", f"/assets/{next(iter(ids))}/view")
    params = {"query": word, "sort": sort, "limit": 2}
    pages = [org.admin.client.get("/search/assets", params=params | {"offset": at}).json() for at in (0, 2, 4)]
    assert [page["pagination"]["hasMore"] for page in pages] == [True, False, False]
    assert {hit["id"] for page in pages for hit in page["data"]} == ids


def test_unknown_parameters_are_ignored(org: Organization, word: str) -> None:
    """Unknown parameters do not change the result."""
    asset = make(org, word)
    assert search(org.admin, word, mood="bright", asset_type="route") == [asset]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ("scope=mine", "scope"),
        ("sort=best", "sort"),
        ("time_window=year", "time_window"),
        ("limit=201", "limit"),
        ("offset=-1", "offset"),
        ("filters=x", "filters"),
        ("filters=[]", "filters"),
        ('filters={"org_id": "x"}', "filters"),
        ('filters={"asset_type": "poem"}', "filters"),
        ('filters={"visibility": "secret"}', "filters"),
        ("metadata_filters=7", "metadata_filters"),
        ('metadata_filters={"extension": 7}', "metadata_filters"),
        ('metadata_filters={"a": "\\u0000"}', "metadata_filters"),
        (f"query={'x' * 501}", "query"),
    ],
)
def test_invalid_parameters_are_rejected(org: Organization, query: str, field: str) -> None:
    """An invalid value is 400 and names its parameter."""
    error = assert_exchange_error(org.admin.client.get(f"/search/assets?{query}"), 400, "invalid_request")
    assert error["details"]["field"] == field


def test_older_matches_follow_the_ranked_ones(org: Organization, word: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest matches are ranked by relevance, and the others follow by time, each exactly once."""
    contents = [(word, ""), ("a", word), ("b", word), ("c", word), (word, ""), ("d", word)]
    ids = [make(org, name, body=body) for name, body in contents]
    monkeypatch.setattr("hallmarket.server.catalog.search.MAX_RANKED", 3)
    pages = [asyncio.run(search_without_server(org, word, offset)) for offset in range(7)]
    expected = [ids[4], ids[5], ids[3], ids[2], ids[1], ids[0]]
    assert pages == [(expected[at : at + 2], at < 4) for at in range(7)]


async def search_without_server(org: Organization, word: str, offset: int) -> tuple[list[str], bool]:
    """Return a page of two that the administrator finds, and whether there are more, by calling the verb directly."""
    person = UUID(org.admin.id)
    principal = Principal(means="key", person=Person(person, org.admin.member.username))
    database = Database(org.server.postgres_url, 1)
    await database.open()
    try:
        page = await search_assets(database, principal, read_search({"query": word}, principal), Window(offset, 2))
    finally:
        await database.close()
    return [str(asset.id) for asset in page.items], page.has_more
