"""Team activity and unread assets."""

from typing import Any

import pytest

from _support.assets import make_asset
from _support.organizations import Organization, User
from _support.responses import assert_exchange_error

ZERO_ID = "00000000-0000-0000-0000-000000000000"


def make_team_asset(org: Organization, owner: User, team: str, asset_type: str = "file", **fields: Any) -> str:
    """Create an asset in a team."""
    return make_asset(org.server, owner, asset_type, org_id=org.id, team_id=team, **fields)


def list_activity(who: User, team: str, **query: Any) -> list[str]:
    """Return the ids of a team's activity."""
    return [asset["id"] for asset in who.call("GET", f"/teams/{team}/activity", params=query)]


def count_unread(who: User, team: str) -> int:
    """Return the number of unread assets in a team. The preview must have the same number."""
    counted = who.call("GET", "/teams/unreads", params={"view_mode": "count"})["unreads"][team]
    preview = who.call("GET", "/teams/unreads", params={"view_mode": "preview", "team_id": team})
    assert preview["unread_count"] == counted == len(preview["results"])
    return int(counted)


def test_activity_lists_the_assets_one_may_know_of(org: Organization) -> None:
    """Activity is in pages, newest first, and can be filtered by type; it never has other people's private assets."""
    guest, team = org.new_user(), org.admin.create_team("desk")["id"]
    file, data, _ = [make_team_asset(org, org.admin, team, kind) for kind in ("file", "dataset", "file")]
    hidden = make_team_asset(org, org.admin, team, visibility="private")
    comment = make_asset(org.server, org.admin, "comment", parent_id=file)
    assert list_activity(guest, team)[1:] == [data, file]
    assert list_activity(guest, team, limit=1, offset=1) == [data]
    assert list_activity(guest, team, assetType="comment") == [comment]
    assert hidden in list_activity(org.admin, team)
    assert list_activity(guest, team, assetType="quest") == []
    org.new_outsider().call("GET", f"/teams/{team}/activity", 404)


def test_outsiders_see_the_public_assets_of_a_public_team(org: Organization) -> None:
    """Outsiders see a public team's public assets only."""
    team = org.admin.create_team("outside", visibility="public")["id"]
    shown = make_team_asset(org, org.admin, team)
    make_team_asset(org, org.admin, team, visibility="organization")
    assert list_activity(org.new_outsider(), team) == [shown]


def test_assets_of_others_are_unread_until_seen(org: Organization) -> None:
    """One's own assets and comments are never unread. Viewing an asset marks it as read, the activity all."""
    guest, team = org.new_user(), org.default_team_id()
    assert count_unread(guest, team) == 0
    first, _ = [make_team_asset(org, org.admin, team) for _ in range(2)]
    make_team_asset(org, guest, team)
    make_asset(org.server, org.admin, "comment", parent_id=first)
    assert count_unread(guest, team) == 2
    guest.call("POST", f"/assets/{first}/view", json={"source": "api", "type": "full", "pathname": "/assets/x"})
    assert count_unread(guest, team) == 1
    list_activity(guest, team, offset=1)
    list_activity(guest, team, assetType="file")
    assert guest.client.head(f"/teams/{team}/activity").status_code == 200
    assert count_unread(guest, team) == 1
    list_activity(guest, team)
    assert count_unread(guest, team) == 0
    make_team_asset(org, org.admin, team)
    assert (count_unread(guest, team), count_unread(org.admin, team)) == (1, 1)


def test_hidden_assets_are_not_unread(org: Organization) -> None:
    """A private asset is not unread for others until it is shared with them."""
    guest, team = org.new_user(), org.default_team_id()
    asset = make_team_asset(org, org.admin, team, visibility="private")
    assert count_unread(guest, team) == 0
    given = {"permission": {"user": {"user_id": guest.id}, "role": "read"}}
    org.admin.call("PUT", f"/assets/{asset}/share", json=given)
    assert count_unread(guest, team) == 1


def test_unread_counts_cover_ones_own_teams(org: Organization) -> None:
    """Unread counts have each team that the person is in, and no other."""
    person = org.new_user()
    org.admin.create_team("not-mine")
    mine = person.create_team("mine")["id"]
    params = {"org_id": org.id, "view_mode": "count"}
    assert person.call("GET", "/teams/unreads", params=params) == {"unreads": {mine: 0, org.default_team_id(): 0}}
    assert person.call("GET", "/teams/unreads", params={**params, "org_id": ZERO_ID}) == {"unreads": {}}
    assert_exchange_error(org.new_outsider().client.get("/teams/unreads", params=params), 404, "not_found")
    params = {"view_mode": "preview", "team_id": org.default_team_id()}
    assert_exchange_error(org.new_outsider().client.get("/teams/unreads", params=params), 404, "not_found")


@pytest.mark.parametrize("query", ["assetType=poem", "assetType=", "limit=0", "limit=201", "offset=-1", "offset=x"])
def test_invalid_activity_requests_are_rejected(org: Organization, query: str) -> None:
    """Invalid parameters of activity are 400."""
    response = org.admin.client.get(f"/teams/{org.default_team_id()}/activity?{query}")
    assert_exchange_error(response, 400, "invalid_request")


@pytest.mark.parametrize(
    "query",
    ["", "view_mode=all", "view_mode=count&org_id=x", "view_mode=preview", "view_mode=preview&team_id=x",
     f"view_mode=preview&team_id={ZERO_ID}&limit=0"],
)  # fmt: skip
def test_invalid_unreads_requests_are_rejected(org: Organization, query: str) -> None:
    """A missing view mode, or an invalid id or number, is 400."""
    assert_exchange_error(org.admin.client.get(f"/teams/unreads?{query}"), 400, "invalid_request")


def test_a_ban_can_remove_contributions(org: Organization) -> None:
    """With `remove_contributions` the banned person's assets move to the default team; without it they stay."""
    team = org.admin.create_team("tide", join_policy="open")["id"]
    for removes, goes_to in ((False, team), (True, org.default_team_id())):
        guest = org.new_user()
        guest.call("POST", f"/teams/{team}/join", json={})
        asset, others = make_team_asset(org, guest, team), make_team_asset(org, org.admin, team)
        org.admin.call("POST", f"/teams/{team}/bans", json={"user_id": guest.id, "remove_contributions": removes})
        assert guest.call("GET", f"/assets/{asset}")["team_id"] == goes_to
        assert guest.call("GET", f"/assets/{others}")["team_id"] == team


def test_assets_of_a_deleted_team_move_to_the_default_team(org: Organization) -> None:
    """Deleting a team keeps its assets."""
    team = org.admin.create_team("brief")["id"]
    asset = make_team_asset(org, org.admin, team)
    org.admin.call("DELETE", f"/teams/{team}")
    assert org.admin.call("GET", f"/assets/{asset}")["team_id"] == org.default_team_id()


@pytest.mark.parametrize(
    ("default", "shown"),
    [
        ("organization", {"public": "organization", "monetized": "private"}),
        ("public", {"public": "public", "monetized": "monetized"}),
    ],
)
@pytest.mark.parametrize("is_ban", [True, False])
def test_assets_that_move_to_an_internal_team_are_not_public(
    org: Organization, default: str, shown: dict[str, str], is_ban: bool
) -> None:
    """An asset that moves to an internal team becomes visible to nobody new, and to no outsider."""
    guest, team = org.new_user(), org.admin.create_team("coast", join_policy="open", visibility="public")["id"]
    guest.call("POST", f"/teams/{team}/join", json={})
    org.admin.call("PUT", f"/teams/{org.default_team_id()}", json={"team": {"visibility": default}})
    before = ("public", "monetized", "organization", "private")
    assets = [make_team_asset(org, guest, team, visibility=visibility) for visibility in before]
    within = make_team_asset(org, guest, team, parent_id=assets[0])
    if is_ban:
        org.admin.call("POST", f"/teams/{team}/bans", json={"user_id": guest.id, "remove_contributions": True})
    else:
        org.admin.call("DELETE", f"/teams/{team}")
    now = [guest.call("GET", f"/assets/{asset}") for asset in assets]
    assert {asset["team_id"] for asset in now} == {org.default_team_id()}
    assert [asset["visibility"] for asset in now] == [shown.get(visibility, visibility) for visibility in before]
    seen = {asset: org.new_outsider().client.get(f"/assets/{asset}").status_code for asset in (assets[0], within)}
    assert set(seen.values()) == {200 if default == "public" else 404}
