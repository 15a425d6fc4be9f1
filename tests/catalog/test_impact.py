"""Views, downloads, comments and uses of assets, and their counters."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from _support.assets import make_asset
from _support.files import make_file
from _support.organizations import Organization, User
from _support.responses import assert_exchange_error
from _support.servers import Server
from hallmarket.server.catalog.delete_old_events import delete_old_events
from hallmarket.server.database.connections import Database


@pytest.fixture
def asset(org: Organization) -> str:
    """An asset of the administrator, visible to the organization."""
    return make_asset(org.server, org.admin, org_id=org.id, visibility="organization")


def impact(who: User, *assets: str, **query: Any) -> list[dict[str, Any]]:
    """Return the impact of assets."""
    found = who.call("GET", "/assets/impact", params={"ids": ",".join(assets), **query})["assets"]
    assert isinstance(found, list)
    return found


def test_views(org: Organization, asset: str) -> None:
    """Every view counts. Quality views count once in half an hour for each person other than the owner and agents."""
    guest, agent = org.new_user(), org.new_user()
    org.server.query("update person set actor_type = 'agent' where id = $1", agent.id)
    for who in (guest, guest, org.admin, agent):
        who.call("POST", f"/assets/{asset}/view", json={"source": "api", "type": "full"})
    assert guest.call("GET", f"/assets/{asset}/counts") == {
        "views": 4, "comments": 0, "downloads": 0, "reactions": 0, "earnings_btc": 0, "earnings_usd": 0
    }  # fmt: skip
    assert [(item["views"], item["quality_views"], item["popularity_7d"]) for item in impact(guest, asset)] == [
        (4, 1, 1)
    ]
    org.server.query(
        "update asset_event set created_on = created_on - interval '31 minutes' where asset_id = $1", asset
    )
    guest.call("POST", f"/assets/{asset}/view")
    assert impact(guest, asset)[0]["quality_views"] == 2


def test_events_are_deleted_after_a_day(org: Organization) -> None:
    """After a day only daily counts remain, and the events that mark an asset as seen. `since` counts whole days."""
    guest, seen, server = org.new_user(), org.new_user(), org.server
    asset = make_asset(server, org.admin, org_id=org.id, visibility="organization")
    for who in (guest, seen, org.admin):
        who.call("POST", f"/assets/{asset}/view")
    seen.call("GET", f"/teams/{org.default_team_id()}/activity")
    (today,) = impact(guest, asset, since=server_day(server, 0))
    assert (today["views"], today["quality_views"]) == (3, 2)
    server.query("update asset_event set created_on = created_on - interval '25 hours' where asset_id = $1", asset)
    server.query("update asset_day set day = day - 2 where asset_id = $1", asset)
    guest.call("POST", f"/assets/{asset}/view")
    asyncio.run(delete_events(server))
    remaining = server.query("select person_id from asset_event where asset_id = $1 order by created_on", asset)
    assert [str(row["person_id"]) for row in remaining] == [guest.id, guest.id]
    params = {"view_mode": "count", "org_id": org.id}
    for who in (guest, seen):
        assert who.call("GET", "/teams/unreads", params=params)["unreads"][org.default_team_id()] == 0
    counted = [impact(guest, asset, since=server_day(server, ago))[0]["views"] for ago in (0, 1, 2)]
    assert counted == [1, 1, 4]
    assert impact(guest, asset)[0]["views"] == 4


def server_day(server: Server, ago: int) -> str:
    """Return the end of a day some days ago in UTC."""
    (row,) = server.query("select (now() at time zone 'utc')::date - $1::int as day", ago)
    return f"{row['day']}T23:59:59Z"


async def delete_events(server: Server) -> None:
    """Delete old events, as the background process does every ten minutes."""
    database = Database(server.postgres_url, 1)
    await database.open()
    try:
        await delete_old_events(database)
    finally:
        await database.close()


def test_hidden_assets_have_no_counts(org: Organization, asset: str) -> None:
    """Outsiders can neither view a hidden asset nor read its counters."""
    outsider = org.new_outsider()
    for method, path in (("POST", "view"), ("GET", "counts")):
        outsider.call(method, f"/assets/{asset}/{path}", 404)
    assert impact(outsider, asset, str(uuid4())) == []
    assert org.admin.call("GET", f"/assets/{asset}/counts")["views"] == 0


def test_downloads(org: Organization) -> None:
    """A download counts once, by token or by signed URL, also in ranges. A HEAD does not count."""
    guest = org.new_user()
    asset = make_file(org.admin, b"0123456789", visibility="organization")["id"]
    guest.call("GET", f"/files/{asset}/data")
    assert guest.call("GET", f"/assets/{asset}/counts")["downloads"] == 0
    assert guest.client.post(f"/assets/{asset}/download").content == b"0123456789"
    assert guest.call("GET", f"/assets/{asset}/counts")["downloads"] == 1
    url = guest.call("POST", f"/assets/{asset}/download-url")["download_url"]
    with httpx.Client(trust_env=False) as client:
        assert client.head(url).status_code == 200
        parts = [client.get(url, headers={"range": part}).content for part in ("bytes=0-3", "bytes=4-")]
        assert parts == [b"0123", b"456789"]
        assert guest.call("GET", f"/assets/{asset}/counts")["downloads"] == 2
        assert client.get(url).content == b"0123456789"
    (found,) = impact(guest, asset)
    assert (found["downloads"], found["popularity_7d"]) == (3, 9)


def test_comments_and_uses(org: Organization, asset: str) -> None:
    """Comments include replies, and other people's count apart. Uses are their derived and referring assets."""
    guest, server = org.new_user(), org.server
    given = {"permission": {"user": {"user_id": guest.id}, "role": "write"}}
    org.admin.call("PUT", f"/assets/{asset}/share", json=given)
    comment = make_asset(server, org.admin, "comment", parent_id=asset)
    make_asset(server, guest, "comment", parent_id=comment)
    derived = make_asset(server, guest, org_id=org.id, source_id=asset, lineage_role="version")
    make_asset(server, org.admin, org_id=org.id, source_id=asset, lineage_role="result")
    server.query(
        "insert into connection (id, type, source_id, target_id)"
        " values (gen_random_uuid(), 'reference', $1, $2), (gen_random_uuid(), 'comment', $3, $2)",
        derived,
        asset,
        comment,
    )
    (found,) = impact(guest, asset)
    assert (found["comments"], found["external_comments"], found["uses"]) == (2, 1, 1)
    assert (found["owner_user_id"], found["quest_ids"], found["median_dwell_ms"]) == (org.admin.id, [], None)
    (later,) = impact(guest, asset, since="2999-01-01")
    assert (later["comments"], later["uses"], later["views"]) == (0, 0, 0)


def test_user_impact_covers_the_assets_one_may_know_of(org: Organization, asset: str) -> None:
    """The aggregate is the sum over the assets that the reader may know of."""
    hidden = make_asset(org.server, org.admin, org_id=org.id, visibility="private")
    guest, outsider = org.new_user(), org.new_outsider()
    guest.call("POST", f"/assets/{asset}/view")
    path = f"/users/{org.admin.member.username}/impact"
    own = org.admin.call("GET", path)
    assert [item["asset_id"] for item in own["assets"]] == [asset, hidden]
    assert (own["aggregate"]["assets"], own["aggregate"]["views"]) == (2, 1)
    assert org.admin.call("GET", path, params={"limit": 1, "offset": 1})["assets"][0]["asset_id"] == hidden
    assert org.admin.call("GET", path, params={"asset_ids": hidden})["aggregate"]["assets"] == 1
    assert guest.call("GET", path)["aggregate"]["assets"] == 1
    assert outsider.call("GET", path)["aggregate"]["assets"] == 0


@pytest.mark.parametrize("query", ["ids=x", f"ids={','.join(str(uuid4()) for _ in range(201))}", "since=yesterday"])
def test_invalid_impact_requests_are_rejected(org: Organization, query: str) -> None:
    """Invalid parameters are 400, not ignored."""
    assert_exchange_error(org.admin.client.get(f"/assets/impact?{query}"), 400, "invalid_request")


def test_plan_usage(org: Organization) -> None:
    """A plan counts assets, datasets, and the bytes in their metadata."""
    make_asset(org.server, org.admin, metadata={"size": 1000})
    make_asset(org.server, org.admin, "dataset", metadata={"table_size": 23})
    make_asset(org.server, org.admin, "post", metadata={"size": "large"})
    usage = org.admin.call("GET", "/user/plan-info")["usage"]
    assert {name: usage[name]["used"] for name in ("assets", "datasets", "storage")} == {
        "assets": 3, "datasets": 1, "storage": 1023
    }  # fmt: skip
