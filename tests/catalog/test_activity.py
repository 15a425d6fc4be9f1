"""What happens in teams: activity is what one may know of there, and unread is what others put there since."""

from typing import Any

import pytest

from _support.assets import make_asset
from _support.organizations import Organization, User
from _support.responses import assert_exchange_error

NOBODY = "00000000-0000-0000-0000-000000000000"


def put(org: Organization, owner: User, team: str, asset_type: str = "file", **fields: Any) -> str:
    """A new asset of somebody's in a team."""
    return make_asset(org.server, owner, asset_type, org_id=org.id, team_id=team, **fields)


def activity(who: User, team: str, **query: Any) -> list[str]:
    """The ids of a team's activity."""
    return [each["id"] for each in who.call("GET", f"/teams/{team}/activity", params=query)]


def unread(who: User, team: str) -> int:
    """How much is unread in a team, which the preview tells as well."""
    counted = who.call("GET", "/teams/unreads", params={"view_mode": "count"})["unreads"][team]
    preview = who.call("GET", "/teams/unreads", params={"view_mode": "preview", "team_id": team})
    assert preview["unread_count"] == counted == len(preview["results"])
    return int(counted)


def test_activity_is_what_one_may_know_of(org: Organization) -> None:
    """The newest first, page by page, by type; comments only if asked for, others' private assets never."""
    guest, team = org.new_user(), org.admin.create_team("desk")["id"]
    file, data, _ = [put(org, org.admin, team, kind) for kind in ("file", "dataset", "file")]
    hidden = put(org, org.admin, team, visibility="private")
    comment = make_asset(org.server, org.admin, "comment", parent_id=file)
    assert activity(guest, team)[1:] == [data, file]
    assert activity(guest, team, limit=1, offset=1) == [data]
    assert activity(guest, team, assetType="comment") == [comment]
    assert hidden in activity(org.admin, team)
    assert activity(guest, team, assetType="quest") == []
    org.new_outsider().call("GET", f"/teams/{team}/activity", 404)


def test_a_public_team_shows_strangers_what_is_public(org: Organization) -> None:
    """Of a public team's assets strangers see the public ones."""
    team = org.admin.create_team("outside", visibility="public")["id"]
    shown = put(org, org.admin, team)
    put(org, org.admin, team, visibility="organization")
    assert activity(org.new_outsider(), team) == [shown]


def test_unread_is_what_others_put_there_since(org: Organization) -> None:
    """One's own assets and comments are never unread; a view reads one, the activity all."""
    guest, team = org.new_user(), org.default_team_id()
    assert unread(guest, team) == 0
    first, _ = [put(org, org.admin, team) for _ in range(2)]
    put(org, guest, team)
    make_asset(org.server, org.admin, "comment", parent_id=first)
    assert unread(guest, team) == 2
    guest.call("POST", f"/assets/{first}/view", json={"source": "api", "type": "full", "pathname": "/assets/x"})
    assert unread(guest, team) == 1
    activity(guest, team, offset=1)
    activity(guest, team, assetType="file")
    assert guest.client.head(f"/teams/{team}/activity").status_code == 200
    assert unread(guest, team) == 1
    activity(guest, team)
    assert unread(guest, team) == 0
    put(org, org.admin, team)
    assert (unread(guest, team), unread(org.admin, team)) == (1, 1)


def test_what_one_may_not_know_of_is_not_unread(org: Organization) -> None:
    """A private asset counts for nobody else, until it is shared with them."""
    guest, team = org.new_user(), org.default_team_id()
    asset = put(org, org.admin, team, visibility="private")
    assert unread(guest, team) == 0
    given = {"permission": {"user": {"user_id": guest.id}, "role": "read"}}
    org.admin.call("PUT", f"/assets/{asset}/share", json=given)
    assert unread(guest, team) == 1


def test_counts_are_of_ones_own_teams(org: Organization) -> None:
    """Unread counts are there for each team one is in, and for no other."""
    person = org.new_user()
    org.admin.create_team("not-mine")
    mine = person.create_team("mine")["id"]
    params = {"org_id": org.id, "view_mode": "count"}
    assert person.call("GET", "/teams/unreads", params=params) == {"unreads": {mine: 0, org.default_team_id(): 0}}
    assert person.call("GET", "/teams/unreads", params={**params, "org_id": NOBODY}) == {"unreads": {}}
    assert_exchange_error(org.new_outsider().client.get("/teams/unreads", params=params), 404, "not_found")
    params = {"view_mode": "preview", "team_id": org.default_team_id()}
    assert_exchange_error(org.new_outsider().client.get("/teams/unreads", params=params), 404, "not_found")


@pytest.mark.parametrize("query", ["assetType=poem", "assetType=", "limit=0", "limit=201", "offset=-1", "offset=x"])
def test_bad_activity_is_refused(org: Organization, query: str) -> None:
    """Parameters of activity that make no sense are 400."""
    response = org.admin.client.get(f"/teams/{org.default_team_id()}/activity?{query}")
    assert_exchange_error(response, 400, "invalid_request")


@pytest.mark.parametrize(
    "query",
    ["", "view_mode=all", "view_mode=count&org_id=x", "view_mode=preview", "view_mode=preview&team_id=x",
     f"view_mode=preview&team_id={NOBODY}&limit=0"],
)  # fmt: skip
def test_bad_unreads_are_refused(org: Organization, query: str) -> None:
    """Without a view, or with an id or number that is none, 400."""
    assert_exchange_error(org.admin.client.get(f"/teams/unreads?{query}"), 400, "invalid_request")


def test_a_ban_may_take_contributions_along(org: Organization) -> None:
    """With `remove_contributions` what the banned put into the team goes to the default team; else it stays."""
    team = org.admin.create_team("tide", join_policy="open")["id"]
    for removes, goes_to in ((False, team), (True, org.default_team_id())):
        guest = org.new_user()
        guest.call("POST", f"/teams/{team}/join", json={})
        asset, others = put(org, guest, team), put(org, org.admin, team)
        org.admin.call("POST", f"/teams/{team}/bans", json={"user_id": guest.id, "remove_contributions": removes})
        assert guest.call("GET", f"/assets/{asset}")["team_id"] == goes_to
        assert guest.call("GET", f"/assets/{others}")["team_id"] == team


def test_a_deleted_team_leaves_its_assets_to_the_default_team(org: Organization) -> None:
    """Assets outlive their team."""
    team = org.admin.create_team("brief")["id"]
    asset = put(org, org.admin, team)
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
def test_nothing_in_an_internal_team_is_for_everybody(
    org: Organization, default: str, shown: dict[str, str], is_ban: bool
) -> None:
    """What a ban or a deleted team moves to an internal team is for no more people than before, and for no outsider."""
    guest, team = org.new_user(), org.admin.create_team("coast", join_policy="open", visibility="public")["id"]
    guest.call("POST", f"/teams/{team}/join", json={})
    org.admin.call("PUT", f"/teams/{org.default_team_id()}", json={"team": {"visibility": default}})
    before = ("public", "monetized", "organization", "private")
    assets = [put(org, guest, team, visibility=each) for each in before]
    within = put(org, guest, team, parent_id=assets[0])
    if is_ban:
        org.admin.call("POST", f"/teams/{team}/bans", json={"user_id": guest.id, "remove_contributions": True})
    else:
        org.admin.call("DELETE", f"/teams/{team}")
    now = [guest.call("GET", f"/assets/{asset}") for asset in assets]
    assert {one["team_id"] for one in now} == {org.default_team_id()}
    assert [one["visibility"] for one in now] == [shown.get(each, each) for each in before]
    seen = {asset: org.new_outsider().client.get(f"/assets/{asset}").status_code for asset in (assets[0], within)}
    assert set(seen.values()) == {200 if default == "public" else 404}
