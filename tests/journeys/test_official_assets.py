"""Assets by the official client, unmodified: every method of `client.assets`, before and after each role."""

from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from _support.files import make_file
from _support.organizations import Organization


def make(org: Organization, name: str = "tide.csv", **fields: Any) -> str:
    """A file of the administrator's."""
    return str(make_file(org.admin, b"low,high\n1,2\n", name, **fields)["id"])


def test_each_role_opens_what_it_should(org: Organization, admin: Any, guest: Any, tmp_path: Path) -> None:
    """Nobody else sees a private asset until it is shared; readers read, and only administrators share and delete."""
    import ouro

    asset, guest_id = make(org, visibility="private"), str(guest.user.id)
    with pytest.raises(ouro.NotFoundError):
        guest.assets.retrieve(asset)
    assert guest.assets.search(asset).data == []
    for role in ("read", "write"):
        admin.assets.share(asset, guest_id, role)
        assert str(guest.assets.retrieve(asset).id) == asset
        assert [str(each.id) for each in guest.assets.search(asset, scope="shared").data] == [asset]
        with pytest.raises(ouro.PermissionDeniedError):
            guest.assets.share(asset, guest_id, "admin")
        with pytest.raises(ouro.PermissionDeniedError):
            guest.assets.delete(asset)
    saved = guest.assets.download(asset, str(tmp_path / "saved.csv"))
    assert (Path(saved.path).read_bytes(), saved.size) == (b"low,high\n1,2\n", 13)
    assert guest.assets.create_download_url(asset)["file_name"] == "tide.csv"
    admin.assets.share(asset, guest_id, "admin")
    assert guest.assets.delete(asset, dry_run=True).dry_run is True
    assert str(guest.assets.delete(asset).id) == asset
    with pytest.raises(ouro.NotFoundError):
        admin.assets.retrieve(asset)


def test_search(org: Organization, admin: Any, guest: Any) -> None:
    """Words, filters, scopes and orders find what they should, page by page."""
    word = f"w{uuid4().hex}"
    ids = [make(org, f"{word}-{number}.csv", visibility="organization") for number in range(3)]
    newest = ids[::-1]

    def found(client: Any, query: str = word, **said: Any) -> list[str]:
        return [str(each.id) for each in client.assets.search(query, **said).data]

    assert found(guest, sort="recent") == newest
    assert found(guest, sort="recent", limit=None) == newest
    assert set(found(guest)) == set(ids)
    assert found(guest, ids[0]) == [ids[0]]
    page = guest.assets.search(word, sort="recent", limit=2)
    assert (page.has_more, [str(each.id) for each in page.data]) == (True, newest[:2])
    page = guest.assets.search(word, sort="recent", limit=2, offset=1)
    assert (page.has_more, [str(each.id) for each in page.data]) == (False, newest[1:])
    assert found(admin, scope="personal", asset_type="file", sort="updated") == newest
    assert found(guest, scope="personal") == found(guest, scope="global") == found(guest, asset_type=["post"]) == []
    assert set(found(guest, scope="org", org_id=org.id, source="api", top_level_only=True)) == set(ids)
    assert set(found(guest, metadata_filters={"extension": "csv"})) == set(ids)
    assert found(guest, metadata_filters={"file_type": "image"}) == []
    assert found(guest, visibility="/null", team_id="", sort="popular", time_window="week") == newest
    guest.assets.retrieve(ids[1])
    assert found(guest, sort="popular", time_window="day") == [ids[1], ids[2], ids[0]]
    assert {str(each.id) for each in guest.files.list(word)} == set(ids)


def test_what_is_counted(org: Organization, admin: Any, guest: Any) -> None:
    """Retrieving is viewing, which counts and impact tell."""
    asset = make(org, visibility="organization")
    assert guest.assets.counts(asset).views == 0
    guest.assets.retrieve(asset)
    admin.assets.retrieve(asset)
    assert guest.assets.counts(asset).views == 2
    (impact,) = guest.assets.impact([asset, str(uuid4())])
    assert (str(impact.asset_id), impact.views, impact.quality_views) == (asset, 2, 1)
    assert guest.assets.impact(asset, since="2999-01-01")[0].views == 0
    total = guest.users.impact(org.admin.member.username)
    assert (total.aggregate.assets, total.aggregate.quality_views) == (1, 1)


def test_what_assets_have_to_do_with_each_other(org: Organization, admin: Any, guest: Any) -> None:
    """Lineage, connections, tags and children come in the client's own models."""
    import ouro

    first = make(org, visibility="organization")
    second = make(org, visibility="organization", source_id=first, lineage_role="version")
    child = make(org, visibility="inherit", parent_id=first)
    lineage = guest.assets.lineage(second)
    assert (str(lineage.asset.family_id), [str(each.id) for each in lineage.sources]) == (first, [first])
    assert [str(each.id) for each in guest.assets.lineage(first).derived] == [second]
    assert [str(each.id) for each in guest.assets.children(first)] == [child]
    org.admin.call("PUT", f"/assets/{first}/tags", json={"tags": ["Low tide"]})
    (tag,) = guest.assets.tags(first)
    assert (tag.tag.name, tag.tag.slug, tag.source) == ("Low tide", "low-tide", "manual")
    org.server.query(
        "insert into connection (id, type, source_id, target_id) values (gen_random_uuid(), 'reference', $1, $2)",
        second,
        first,
    )
    (edge,) = guest.assets.connections(first, type=["reference", "link"], direction="target").data
    assert (str(edge.source.id), str(edge.target.id), edge.type) == (second, first, "reference")
    assert guest.assets.connections(first, direction="source").data == []
    for role in ("input", "output", "both"):
        actions = guest.assets.actions(first, role=role)
        assert (actions.created_by, actions.as_input, actions.has_more) == (None, [], False)
    assert guest.assets.properties(first, history=True) == []
    assert guest.assets.compatible_routes(first, query="relax").data == []
    for method in ("counts", "lineage", "tags", "children", "actions", "properties", "connections", "retrieve"):
        with pytest.raises(ouro.NotFoundError):
            getattr(guest.assets, method)(str(uuid4()))
