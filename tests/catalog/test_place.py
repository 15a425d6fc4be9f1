"""Where assets may be put, and the visibility they have there."""

from typing import Any

import pytest

from assets import make_asset
from circle import Circle, Someone
from hallmarket.server.errors import ApiKeyOrgMismatch, DomainError, Forbidden, InvalidRequest

NOBODY = "00000000-0000-0000-0000-000000000000"


def place(circle: Circle, who: Someone, **fields: Any) -> tuple[str, str, str] | type[DomainError]:
    """Organization, team and visibility of a new asset of somebody's; or the error that it is refused with."""
    try:
        asset = make_asset(circle.server, who, **fields)
    except DomainError as error:
        return type(error)
    shown = circle.free(who).ask("GET", f"/assets/{asset}")
    return shown["org_id"], shown["team_id"], shown["visibility"]


def test_visibility_follows_the_team(circle: Circle) -> None:
    """Public in a public team, the organization's in an internal one; outward only in the former."""
    here, boss = circle.organization, circle.boss
    public = boss.create_team("outside", visibility="public")["id"]
    internal = boss.create_team("inside", visibility="organization")["id"]
    assert place(circle, boss) == (here, circle.default_team(), "organization")
    assert place(circle, boss, team_id=internal) == (here, internal, "organization")
    assert place(circle, boss, team_id=public) == (here, public, "public")
    for visibility in ("private", "organization", "public", "monetized"):
        assert place(circle, boss, team_id=public, visibility=visibility) == (here, public, visibility)
    for visibility in ("public", "monetized"):
        assert place(circle, boss, team_id=internal, visibility=visibility) is Forbidden
    assert place(circle, boss, visibility="inherit") is InvalidRequest


def test_nothing_stays_outward_in_a_team_that_turns_inward(circle: Circle) -> None:
    """Where a public team turns internal, nobody outside reads its assets; what was for sale is private."""
    boss, stranger = circle.boss, circle.free(circle.stranger())
    team = boss.create_team("shop", visibility="public")["id"]
    assets = {
        visibility: make_asset(circle.server, boss, team_id=team, visibility=visibility)
        for visibility in ("public", "monetized", "organization", "private")
    }
    stranger.ask("GET", f"/assets/{assets['public']}")
    boss.ask("PUT", f"/teams/{team}", json={"team": {"visibility": "organization"}})
    shown = [boss.ask("GET", f"/assets/{asset}")["visibility"] for asset in assets.values()]
    assert shown == ["organization", "private", "organization", "private"]
    for asset in assets.values():
        stranger.ask("GET", f"/assets/{asset}", 404)


def test_alone(circle: Circle) -> None:
    """In the personal context an asset is private unless told; there is no organization to see it, and no team."""
    free = circle.server.new_member()
    circle.server.query("update api_key set organization_id = null where person_id = $1", free.person)
    who = Someone(free, circle.boss.client)
    server = circle.server

    def shown(**fields: Any) -> tuple[Any, ...]:
        asset = make_asset(server, who, **fields)
        (row,) = server.query("select organization_id, team_id, visibility from asset where id = $1", asset)
        return tuple(row)

    assert shown() == (None, None, "private")
    assert shown(visibility="public") == (None, None, "public")
    for refused in ({"visibility": "organization"}, {"team_id": circle.default_team()}):
        with pytest.raises(InvalidRequest):
            shown(**refused)


def test_who_may_put_where(circle: Circle) -> None:
    """It takes being in the organization and a writer in the team; or administering the organization."""
    guest, stranger = circle.person(), circle.stranger()
    quiet = circle.boss.create_team("quiet", default_role="read", join_policy="open")["id"]
    closed = circle.boss.create_team("closed", join_policy="invite_only")["id"]
    guest.ask("POST", f"/teams/{quiet}/join", json={})
    assert place(circle, guest) == (circle.organization, circle.default_team(), "organization")
    assert place(circle, guest, team_id=quiet) is Forbidden
    assert place(circle, guest, team_id=closed) is Forbidden
    assert place(circle, circle.boss, team_id=quiet) == (circle.organization, quiet, "organization")
    assert place(circle, stranger, org_id=circle.organization) is ApiKeyOrgMismatch
    assert place(circle, stranger, team_id=closed) is Forbidden


@pytest.mark.parametrize(
    ("policy", "refused", "taken"),
    [
        ({"source_policy": "web_only"}, {"source": "api"}, {"source": "web"}),
        ({"source_policy": "api_only"}, {"source": "web"}, {"source": "api"}),
    ],
)
def test_source_policies(circle: Circle, policy: Any, refused: Any, taken: Any) -> None:
    """A team takes only what is made in the way it wants; one without a policy, what its organization wants."""
    team = circle.boss.create_team("strict", **policy)["id"]
    assert place(circle, circle.boss, team_id=team, **refused) is Forbidden
    assert place(circle, circle.boss, team_id=team, **taken) == (circle.organization, team, "organization")
    circle.boss.ask("PUT", f"/organizations/{circle.organization}", json={"organization": policy})
    assert place(circle, circle.boss, **refused) is Forbidden


def test_actor_policies(circle: Circle) -> None:
    """A team takes only what comes of the people it wants."""
    team = circle.boss.create_team("agents", actor_type_policy="agents_only")["id"]
    assert place(circle, circle.boss, team_id=team) is Forbidden
    circle.server.query("update person set actor_type = 'agent' where id = $1", circle.boss.id)
    assert place(circle, circle.boss, team_id=team) == (circle.organization, team, "organization")
