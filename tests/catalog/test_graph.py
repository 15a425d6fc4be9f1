"""Connections, lineage, tags and actions of assets, as far as one may know of them."""

from typing import Any
from uuid import uuid4

import pytest

from _support.assets import make_asset
from _support.organizations import Organization
from _support.responses import assert_exchange_error


def make(org: Organization, **fields: Any) -> str:
    """Create an asset of the administrator, by default visible to the organization."""
    return make_asset(org.server, org.admin, **({"visibility": "organization"} | fields))


def connect(org: Organization, kind: str, source: str, target: str) -> None:
    """Insert a connection between two assets."""
    org.server.query(
        "insert into connection (id, type, source_id, target_id, creator_id)"
        " values (gen_random_uuid(), $1, $2, $3, $4)",
        kind,
        source,
        target,
        org.admin.id,
    )


def test_connections_go_both_ways(org: Organization) -> None:
    """Connections from and to an asset, newest first, can be filtered by direction and type, and are in pages."""
    one, two, three = [make(org) for _ in range(3)]
    connect(org, "reference", one, two)
    connect(org, "mention", three, one)
    guest = org.new_user()

    def ends(**query: Any) -> list[tuple[str, str, str]]:
        found = guest.call("GET", f"/assets/{one}/connections", params=query)
        return [(item["type"], item["source"]["id"], item["target"]["id"]) for item in found]

    outgoing, incoming = ("reference", one, two), ("mention", three, one)
    assert ends() == [incoming, outgoing]
    assert ends(direction="source") == ends(type="reference") == ends(offset=1) == [outgoing]
    assert ends(direction="target") == ends(type="mention,comment") == ends(limit=1) == [incoming]
    assert ends(direction="target", type="reference") == []


def test_connections_with_hidden_assets_are_hidden(org: Organization) -> None:
    """A connection with an asset that one may not know of is not listed."""
    shown, hidden = make(org), make(org, visibility="private")
    connect(org, "link", shown, hidden)
    connect(org, "component", hidden, shown)
    assert len(org.admin.call("GET", f"/assets/{shown}/connections")) == 2
    assert org.new_user().call("GET", f"/assets/{shown}/connections") == []
    org.new_user().call("GET", f"/assets/{hidden}/connections", 404)


def test_lineage(org: Organization) -> None:
    """Lineage has all sources, nearest first, and the derived assets: direct ones, or the whole family."""
    first = make(org)
    second = make(org, source_id=first, lineage_role="version")
    third = make(org, source_id=second, lineage_role="result")
    hidden = make(org, source_id=second, visibility="private", lineage_role="supporting")

    def lineage(asset: str, who: Any = None) -> tuple[list[str], list[str]]:
        found = (who or org.new_user()).call("GET", f"/assets/{asset}/lineage")
        assert (found["asset"]["id"], found["truncated"]) == (asset, False)
        return [asset["id"] for asset in found["sources"]], [asset["id"] for asset in found["derived"]]

    assert lineage(first) == ([], [second, third])
    assert lineage(second) == ([first], [third])
    assert lineage(third) == ([second, first], [])
    assert lineage(first, org.admin) == ([], [second, third, hidden])
    node = org.admin.call("GET", f"/assets/{third}/lineage")["asset"]
    assert (node["lineage_role"], node["source_id"], node["family_id"], node["run"]) == ("result", second, first, None)
    assert org.admin.call("GET", f"/assets/{first}/lineage")["asset"]["lineage_role"] == "new"
    org.new_user().call("GET", f"/assets/{hidden}/lineage", 404)


def test_writers_add_and_remove_tags(org: Organization) -> None:
    """Writers add and remove tags, and readers see them. Names with the same slug are one tag."""
    asset, guest = make(org), org.new_user()
    path = f"/assets/{asset}/tags"
    guest.call("PUT", path, 403, json={"tags": ["no"]})
    org.new_outsider().call("GET", path, 404)
    given = {"permission": {"user": {"user_id": guest.id}, "role": "write"}}
    org.admin.call("PUT", f"/assets/{asset}/share", json=given)
    word = uuid4().hex
    guest.call("PUT", path, json={"tags": [f"Low  Tide {word}", "Ebbe"]})
    tags = guest.call("PUT", path, json={"tags": [f"low-tide-{word}"]})
    assert [(tag["tag"]["name"], tag["tag"]["slug"]) for tag in tags] == [
        ("Ebbe", "ebbe"), (f"Low Tide {word}", f"low-tide-{word}")
    ]  # fmt: skip
    assert {(tag["asset_id"], tag["user_id"], tag["source"]) for tag in tags} == {(asset, guest.id, "manual")}
    assert org.new_user().call("GET", path) == tags
    org.new_user().call("DELETE", f"{path}/{tags[0]['tag_id']}", 403)
    guest.call("DELETE", f"{path}/{tags[0]['tag_id']}")
    guest.call("DELETE", f"{path}/{tags[0]['tag_id']}", 404)
    assert guest.call("GET", path) == tags[1:]


@pytest.mark.parametrize("tags", [[], [""], ["..."], ["x" * 101], [f"t{number}" for number in range(51)], "x", [7]])
def test_invalid_tags_are_rejected(org: Organization, tags: Any) -> None:
    """A tag must have a letter or digit and at most 100 characters, and a request at most 50 tags."""
    response = org.admin.client.put(f"/assets/{make(org)}/tags", json={"tags": tags})
    assert_exchange_error(response, 400, "invalid_request")


def test_an_asset_can_have_fifty_tags(org: Organization) -> None:
    """A request that would exceed fifty tags is 409 and adds nothing."""
    path = f"/assets/{make(org)}/tags"
    org.admin.call("PUT", path, json={"tags": [f"t{number}" for number in range(50)]})
    org.admin.call("PUT", path, 409, json={"tags": ["t50"]})
    assert len(org.admin.call("GET", path)) == 50


def test_actions_are_empty(org: Organization) -> None:
    """There are no routes yet, so actions, properties and compatible routes are empty, each in its own form."""
    asset = make(org)
    path, outsider = f"/assets/{asset}/actions", org.new_outsider()
    assert org.admin.call("GET", path) == {"created_by": None, "as_input": []}
    assert org.admin.call("GET", path, params={"role": "input", "status": "success"}) == []
    assert org.admin.call("GET", path, params={"role": "output", "include_response": "true"}) is None
    page = org.admin.client.get(path).json()["pagination"]
    assert (page["hasMore"], page["limit"]) == (False, 200)
    for query in ({"role": "none"}, {"status": "done"}, {"limit": "0"}, {"side_effects": "x"}):
        assert_exchange_error(org.admin.client.get(path, params=query), 400, "invalid_request")
    for other in ("properties", "compatible-routes"):
        assert org.admin.call("GET", f"/assets/{asset}/{other}", params={"history": "true", "sort": "popular"}) == []
    for name in ("actions", "properties", "compatible-routes"):
        outsider.call("GET", f"/assets/{asset}/{name}", 404)
