"""Where assets may be placed, and their visibility there."""

from typing import Any

import pytest

from _support.assets import make_asset
from _support.organizations import Organization, User
from hallmarket.server.errors import ApiKeyOrgMismatch, DomainError, Forbidden, InvalidRequest


def place(org: Organization, who: User, **fields: Any) -> tuple[str, str, str] | type[DomainError]:
    """Return the organization, team and visibility of a new asset, or the type of the error."""
    try:
        asset = make_asset(org.server, who, **fields)
    except DomainError as error:
        return type(error)
    shown = org.with_unbound_key(who).call("GET", f"/assets/{asset}")
    return shown["org_id"], shown["team_id"], shown["visibility"]


def test_visibility_follows_the_team(org: Organization) -> None:
    """By default an asset is public in a public team, and for the organization in an internal team."""
    here, admin = org.id, org.admin
    public = admin.create_team("outside", visibility="public")["id"]
    internal = admin.create_team("inside", visibility="organization")["id"]
    assert place(org, admin) == (here, org.default_team_id(), "organization")
    assert place(org, admin, team_id=internal) == (here, internal, "organization")
    assert place(org, admin, team_id=public) == (here, public, "public")
    for visibility in ("private", "organization", "public", "monetized"):
        assert place(org, admin, team_id=public, visibility=visibility) == (here, public, visibility)
    for visibility in ("public", "monetized"):
        assert place(org, admin, team_id=internal, visibility=visibility) is Forbidden
    assert place(org, admin, visibility="inherit") is InvalidRequest


def test_assets_of_a_team_that_becomes_internal_are_not_public(org: Organization) -> None:
    """When a public team becomes internal, outsiders cannot read its assets. Assets for sale become private."""
    admin, outsider = org.admin, org.with_unbound_key(org.new_outsider())
    team = admin.create_team("shop", visibility="public")["id"]
    assets = {
        visibility: make_asset(org.server, admin, team_id=team, visibility=visibility)
        for visibility in ("public", "monetized", "organization", "private")
    }
    outsider.call("GET", f"/assets/{assets['public']}")
    admin.call("PUT", f"/teams/{team}", json={"team": {"visibility": "organization"}})
    shown = [admin.call("GET", f"/assets/{asset}")["visibility"] for asset in assets.values()]
    assert shown == ["organization", "private", "organization", "private"]
    for asset in assets.values():
        outsider.call("GET", f"/assets/{asset}", 404)


def test_personal_context(org: Organization) -> None:
    """In the personal context an asset is private by default, and can have neither organization nor team."""
    free = org.server.new_member()
    org.server.query("update api_key set organization_id = null where person_id = $1", free.person)
    who = User(free, org.admin.client)
    server = org.server

    def shown(**fields: Any) -> tuple[Any, ...]:
        asset = make_asset(server, who, **fields)
        (row,) = server.query("select organization_id, team_id, visibility from asset where id = $1", asset)
        return tuple(row)

    assert shown() == (None, None, "private")
    assert shown(visibility="public") == (None, None, "public")
    for invalid in ({"visibility": "organization"}, {"team_id": org.default_team_id()}):
        with pytest.raises(InvalidRequest):
            shown(**invalid)


def test_who_may_place_assets(org: Organization) -> None:
    """Placing an asset requires membership and the role write in the team, or administering the organization."""
    guest, outsider = org.new_user(), org.new_outsider()
    quiet = org.admin.create_team("quiet", default_role="read", join_policy="open")["id"]
    closed = org.admin.create_team("closed", join_policy="invite_only")["id"]
    guest.call("POST", f"/teams/{quiet}/join", json={})
    assert place(org, guest) == (org.id, org.default_team_id(), "organization")
    assert place(org, guest, team_id=quiet) is Forbidden
    assert place(org, guest, team_id=closed) is Forbidden
    assert place(org, org.admin, team_id=quiet) == (org.id, quiet, "organization")
    assert place(org, outsider, org_id=org.id) is ApiKeyOrgMismatch
    assert place(org, outsider, team_id=closed) is Forbidden


@pytest.mark.parametrize(
    ("policy", "rejected", "accepted"),
    [
        ({"source_policy": "web_only"}, {"source": "api"}, {"source": "web"}),
        ({"source_policy": "api_only"}, {"source": "web"}, {"source": "api"}),
    ],
)
def test_source_policies(org: Organization, policy: Any, rejected: Any, accepted: Any) -> None:
    """A team accepts only assets from its source policy; a team without one has its organization's policy."""
    team = org.admin.create_team("strict", **policy)["id"]
    assert place(org, org.admin, team_id=team, **rejected) is Forbidden
    assert place(org, org.admin, team_id=team, **accepted) == (org.id, team, "organization")
    org.admin.call("PUT", f"/organizations/{org.id}", json={"organization": policy})
    assert place(org, org.admin, **rejected) is Forbidden


def test_actor_policies(org: Organization) -> None:
    """A team accepts only assets of people that its actor policy allows."""
    team = org.admin.create_team("agents", actor_type_policy="agents_only")["id"]
    assert place(org, org.admin, team_id=team) is Forbidden
    org.server.query("update person set actor_type = 'agent' where id = $1", org.admin.id)
    assert place(org, org.admin, team_id=team) == (org.id, team, "organization")
