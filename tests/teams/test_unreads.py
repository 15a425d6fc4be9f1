"""Activity and unread counts: nothing yet, and said in the contract's form."""

from uuid import uuid4

import pytest

from circle import Circle
from wire import assert_exchange_error

NOBODY = "00000000-0000-0000-0000-000000000000"


def test_activity_is_an_empty_page(circle: Circle) -> None:
    """A team's activity is a page, open to whoever may see the team."""
    team = circle.boss.create_team("calm")
    public = circle.boss.create_team("calm-outside", visibility="public")
    stranger = circle.stranger()
    for someone, shown in ((circle.person(), team), (stranger, public)):
        page = someone.client.get(f"/teams/{shown['id']}/activity", params={"assetType": "post", "offset": 3}).json()
        assert page["data"] == []
        assert page["pagination"] == {"offset": 3, "limit": 20, "total": 0, "hasMore": False, "nextCursor": None}
    assert_exchange_error(stranger.client.get(f"/teams/{team['id']}/activity"), 404, "not_found")


@pytest.mark.parametrize("query", ["assetType=poem", "assetType=", "limit=0", "limit=201", "offset=-1", "offset=x"])
def test_bad_activity_is_refused(circle: Circle, query: str) -> None:
    """Parameters of activity that make no sense are 400."""
    response = circle.boss.client.get(f"/teams/{circle.default_team()}/activity?{query}")
    assert_exchange_error(response, 400, "invalid_request")


def test_counts_are_of_ones_own_teams(circle: Circle) -> None:
    """Unread counts are there for each team one is in, and for no other."""
    person = circle.person()
    circle.boss.create_team("not-mine")
    mine = person.create_team("mine")["id"]
    params = {"org_id": circle.organization, "view_mode": "count"}
    assert person.ask("GET", "/teams/unreads", params=params) == {"unreads": {mine: 0, circle.default_team(): 0}}
    assert person.ask("GET", "/teams/unreads", params={"view_mode": "count"})["unreads"].keys() == {
        mine,
        circle.default_team(),
    }
    assert person.ask("GET", "/teams/unreads", params={**params, "org_id": NOBODY}) == {"unreads": {}}
    assert_exchange_error(circle.stranger().client.get("/teams/unreads", params=params), 404, "not_found")


def test_preview_is_of_one_team(circle: Circle) -> None:
    """A preview names its team and pages what is unread in it."""
    params = {"view_mode": "preview", "team_id": circle.default_team(), "offset": 0, "limit": 20}
    answer = circle.boss.client.get("/teams/unreads", params=params).json()
    assert answer["data"] == {"team_id": circle.default_team(), "unread_count": 0, "results": []}
    assert answer["pagination"]["hasMore"] is False
    assert_exchange_error(circle.stranger().client.get("/teams/unreads", params=params), 404, "not_found")


@pytest.mark.parametrize(
    "query",
    ["", "view_mode=all", "view_mode=count&org_id=x", "view_mode=preview", "view_mode=preview&team_id=x",
     f"view_mode=preview&team_id={uuid4()}&limit=0"],
)  # fmt: skip
def test_bad_unreads_are_refused(circle: Circle, query: str) -> None:
    """Without a view, or with an id or number that is none, 400."""
    assert_exchange_error(circle.boss.client.get(f"/teams/unreads?{query}"), 400, "invalid_request")
