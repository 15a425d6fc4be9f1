"""What assets have to do with each other: connections, lineage and tags, as far as one may know."""

from typing import Any
from uuid import uuid4

import pytest

from assets import make_asset
from circle import Circle
from wire import assert_exchange_error


def make(circle: Circle, **fields: Any) -> str:
    """An asset of the administrator's, for the organization unless told."""
    return make_asset(circle.server, circle.boss, **({"visibility": "organization"} | fields))


def connect(circle: Circle, kind: str, source: str, target: str) -> None:
    """A connection between two assets."""
    circle.server.query(
        "insert into connection (id, type, source_id, target_id, creator_id)"
        " values (gen_random_uuid(), $1, $2, $3, $4)",
        kind,
        source,
        target,
        circle.boss.id,
    )


def test_connections_go_both_ways(circle: Circle) -> None:
    """Those made and those made to an asset, newest first, by direction and type, and page by page."""
    one, two, three = [make(circle) for _ in range(3)]
    connect(circle, "reference", one, two)
    connect(circle, "mention", three, one)
    guest = circle.person()

    def ends(**query: Any) -> list[tuple[str, str, str]]:
        found = guest.ask("GET", f"/assets/{one}/connections", params=query)
        return [(each["type"], each["source"]["id"], each["target"]["id"]) for each in found]

    made, made_to = ("reference", one, two), ("mention", three, one)
    assert ends() == [made_to, made]
    assert ends(direction="source") == ends(type="reference") == ends(offset=1) == [made]
    assert ends(direction="target") == ends(type="mention,comment") == ends(limit=1) == [made_to]
    assert ends(direction="target", type="reference") == []


def test_connections_name_only_what_one_may_know_of(circle: Circle) -> None:
    """A connection with an asset one may not know of is not there."""
    shown, hidden = make(circle), make(circle, visibility="private")
    connect(circle, "link", shown, hidden)
    connect(circle, "component", hidden, shown)
    assert len(circle.boss.ask("GET", f"/assets/{shown}/connections")) == 2
    assert circle.person().ask("GET", f"/assets/{shown}/connections") == []
    circle.person().ask("GET", f"/assets/{hidden}/connections", 404)


def test_lineage(circle: Circle) -> None:
    """Sources up to the first of the family, the nearest first; what is derived, directly or of the whole family."""
    first = make(circle)
    second = make(circle, source_id=first, lineage_role="version")
    third = make(circle, source_id=second, lineage_role="result")
    hidden = make(circle, source_id=second, visibility="private", lineage_role="supporting")

    def lineage(asset: str, who: Any = None) -> tuple[list[str], list[str]]:
        found = (who or circle.person()).ask("GET", f"/assets/{asset}/lineage")
        assert (found["asset"]["id"], found["truncated"]) == (asset, False)
        return [each["id"] for each in found["sources"]], [each["id"] for each in found["derived"]]

    assert lineage(first) == ([], [second, third])
    assert lineage(second) == ([first], [third])
    assert lineage(third) == ([second, first], [])
    assert lineage(first, circle.boss) == ([], [second, third, hidden])
    node = circle.boss.ask("GET", f"/assets/{third}/lineage")["asset"]
    assert (node["lineage_role"], node["source_id"], node["family_id"], node["run"]) == ("result", second, first, None)
    assert circle.boss.ask("GET", f"/assets/{first}/lineage")["asset"]["lineage_role"] == "new"
    circle.person().ask("GET", f"/assets/{hidden}/lineage", 404)


def test_writers_tag(circle: Circle) -> None:
    """Whoever may write adds and takes tags; who may read sees them; what is spelled alike is one tag."""
    asset, guest = make(circle), circle.person()
    path = f"/assets/{asset}/tags"
    guest.ask("PUT", path, 403, json={"tags": ["no"]})
    circle.stranger().ask("GET", path, 404)
    given = {"permission": {"user": {"user_id": guest.id}, "role": "write"}}
    circle.boss.ask("PUT", f"/assets/{asset}/share", json=given)
    word = uuid4().hex
    guest.ask("PUT", path, json={"tags": [f"Low  Tide {word}", "Ebbe"]})
    tags = guest.ask("PUT", path, json={"tags": [f"low-tide-{word}"]})
    assert [(each["tag"]["name"], each["tag"]["slug"]) for each in tags] == [
        ("Ebbe", "ebbe"), (f"Low Tide {word}", f"low-tide-{word}")
    ]  # fmt: skip
    assert {(each["asset_id"], each["user_id"], each["source"]) for each in tags} == {(asset, guest.id, "manual")}
    assert circle.person().ask("GET", path) == tags
    circle.person().ask("DELETE", f"{path}/{tags[0]['tag_id']}", 403)
    guest.ask("DELETE", f"{path}/{tags[0]['tag_id']}")
    guest.ask("DELETE", f"{path}/{tags[0]['tag_id']}", 404)
    assert guest.ask("GET", path) == tags[1:]


@pytest.mark.parametrize("tags", [[], [""], ["..."], ["x" * 101], [f"t{number}" for number in range(51)], "x", [7]])
def test_bad_tags_are_refused(circle: Circle, tags: Any) -> None:
    """A tag is a word with letters or digits, and of no great length."""
    response = circle.boss.client.put(f"/assets/{make(circle)}/tags", json={"tags": tags})
    assert_exchange_error(response, 400, "invalid_request")


def test_an_asset_has_so_many_tags(circle: Circle) -> None:
    """Past fifty tags nothing is added."""
    path = f"/assets/{make(circle)}/tags"
    circle.boss.ask("PUT", path, json={"tags": [f"t{number}" for number in range(50)]})
    circle.boss.ask("PUT", path, 409, json={"tags": ["t50"]})
    assert len(circle.boss.ask("GET", path)) == 50


def test_nothing_was_run(circle: Circle) -> None:
    """There are no routes, and each question about them is answered in its own form."""
    asset = make(circle)
    path, stranger = f"/assets/{asset}/actions", circle.stranger()
    assert circle.boss.ask("GET", path) == {"created_by": None, "as_input": []}
    assert circle.boss.ask("GET", path, params={"role": "input", "status": "success"}) == []
    assert circle.boss.ask("GET", path, params={"role": "output", "include_response": "true"}) is None
    page = circle.boss.client.get(path).json()["pagination"]
    assert (page["hasMore"], page["limit"]) == (False, 200)
    for query in ({"role": "none"}, {"status": "done"}, {"limit": "0"}, {"side_effects": "x"}):
        assert_exchange_error(circle.boss.client.get(path, params=query), 400, "invalid_request")
    for other in ("properties", "compatible-routes"):
        assert circle.boss.ask("GET", f"/assets/{asset}/{other}", params={"history": "true", "sort": "popular"}) == []
    for each in ("actions", "properties", "compatible-routes"):
        stranger.ask("GET", f"/assets/{asset}/{each}", 404)
