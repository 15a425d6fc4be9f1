"""Teams by the official client, unmodified: every method of `client.teams`."""

from typing import Any

import pytest

from _support.assets import make_asset
from _support.clients import official_client
from _support.organizations import Organization


def test_life_of_a_team(org: Organization, admin: Any, guest: Any) -> None:
    """A team is created, found, changed and deleted."""
    import ouro

    team = admin.teams.create("tide-pool", org_id=org.id, description="**Low** tide", visibility="public")
    assert (team.name, team.slug, str(team.org_id)) == ("tide-pool", "tide-pool", org.id)
    assert (team.description.text, team.visibility, team.default_role) == ("**Low** tide", "public", "write")
    assert str(team.organization.id) == org.id
    assert (team.member_count, team.user_membership.role, team.can_moderate) == (1, "admin", True)
    assert team.join_policy is None
    assert [found.name for found in guest.teams.list(org_id=org.id)] == ["general", "tide-pool"]
    assert [found.name for found in guest.teams.list(joined=True)] == ["general"]
    assert [found.name for found in guest.teams.list(public_only=True)] == ["tide-pool"]
    changed = admin.teams.update(str(team.id), name="high-tide", join_policy="open", actor_type_policy="any")
    assert (changed.name, changed.join_policy, changed.actor_type_policy) == ("high-tide", "open", "any")
    with pytest.raises(ouro.PermissionDeniedError):
        guest.teams.update(str(team.id), name="mine")
    with pytest.raises(ouro.BadRequestError):
        admin.teams.create("Not A Slug")
    with pytest.raises(ouro.ConflictError):
        admin.teams.create("high-tide")
    admin.teams.delete(str(team.id))
    with pytest.raises(ouro.NotFoundError):
        admin.teams.retrieve(str(team.id))
    with pytest.raises(ouro.ConflictError):
        admin.teams.delete(org.default_team_id())


def test_joining_and_leaving(admin: Any, guest: Any) -> None:
    """An open team is joined, shows its members, and is left."""
    import ouro

    team_id = str(admin.teams.create("harbour", join_policy="open").id)
    joined = guest.teams.join(team_id)
    assert (joined.join_status, joined.user_membership.role, joined.member_count) == ("joined", "write", 2)
    whole = guest.teams.retrieve(team_id, include_members=True)
    assert [str(member.user_id) for member in whole.members] == [str(admin.user.id), str(guest.user.id)]
    assert str(whole.members[1].user.user_id) == str(guest.user.id)
    assert guest.teams.retrieve(team_id).members is None
    guest.teams.leave(team_id)
    assert guest.teams.retrieve(team_id).user_membership is None
    closed = str(admin.teams.create("closed", join_policy="invite_only").id)
    with pytest.raises(ouro.PermissionDeniedError):
        guest.teams.join(closed)


def test_asking_to_join(admin: Any, guest: Any) -> None:
    """Requests are listed, rejected, made again and approved."""
    team_id = str(admin.teams.create("lock", join_policy="request").id)
    asked = guest.teams.join(team_id)
    assert (asked.join_status, asked.join_request_pending, asked.user_join_request.status) == (
        "pending",
        True,
        "pending",
    )
    (request,) = admin.teams.list_join_requests(team_id)
    assert (request.id, request.status) == (asked.user_join_request.id, "pending")
    assert str(request.user_id) == str(request.user.user_id) == str(guest.user.id)
    assert [mine.id for mine in guest.teams.list_join_requests(team_id)] == [request.id]
    admin.teams.reject_join_request(team_id, str(request.id))
    assert guest.teams.retrieve(team_id).user_join_request.status == "rejected"
    again = guest.teams.join(team_id).user_join_request
    admin.teams.approve_join_request(team_id, str(again.id))
    assert guest.teams.retrieve(team_id).join_status == "joined"
    assert admin.teams.list_join_requests(team_id) == []


def test_bans(admin: Any, guest: Any) -> None:
    """A banned member is out and cannot come back until the ban is lifted."""
    import ouro

    team_id, guest_id = str(admin.teams.create("dry-dock", join_policy="open").id), str(guest.user.id)
    guest.teams.join(team_id)
    admin.teams.ban_member(team_id, guest_id, reason="spam", remove_contributions=True)
    (ban,) = admin.teams.list_bans(team_id)
    assert (str(ban.team_id), str(ban.user_id), ban.reason) == (team_id, guest_id, "spam")
    with pytest.raises(ouro.PermissionDeniedError):
        guest.teams.join(team_id)
    with pytest.raises(ouro.PermissionDeniedError):
        guest.teams.list_bans(team_id)
    admin.teams.unban_member(team_id, guest_id)
    assert admin.teams.list_bans(team_id) == []
    assert guest.teams.retrieve(team_id).join_status == "none"
    assert guest.teams.join(team_id).join_status == "joined"


def test_activity_and_unreads(org: Organization, guest: Any) -> None:
    """Unread assets are counted and previewed, with and without naming the organization, until the activity is seen."""
    team_id, organization = org.default_team_id(), org.id
    asset_id = make_asset(org.server, org.admin, "post", org_id=organization, team_id=team_id)
    assert guest.teams.unreads(team_id) == guest.teams.unreads(team_id, org_id=organization) == 1
    preview = guest.teams.unread_preview(team_id)
    assert (str(preview.team_id), preview.unread_count) == (team_id, 1)
    assert [str(each.id) for each in preview.data] == [asset_id]
    page = guest.teams.activity(team_id, asset_type="post")
    assert ([str(each.id) for each in page.data], page.has_more) == ([asset_id], False)
    guest.teams.activity(team_id)
    assert guest.teams.unreads(team_id) == 0


def test_pinned_client_creates_in_its_organization(org: Organization) -> None:
    """A client pinned to an organization creates there without naming it, and sees its teams."""
    key = org.with_unbound_key(org.new_user()).member.key
    with official_client(org.server, key, organization=org.id) as client:
        team = client.teams.create("pinned")
        assert str(team.org_id) == org.id
        assert [found.name for found in client.teams.list()] == ["general", "pinned"]
