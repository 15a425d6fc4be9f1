"""Teams by the official client, unmodified: every method of `client.teams`."""

from typing import Any

import pytest

from assets import make_asset
from circle import Circle
from exchange import official_client


def test_life_of_a_team(circle: Circle, boss: Any, guest: Any) -> None:
    """A team is created, found, changed and deleted."""
    import ouro

    team = boss.teams.create("tide-pool", org_id=circle.organization, description="**Low** tide", visibility="public")
    assert (team.name, team.slug, str(team.org_id)) == ("tide-pool", "tide-pool", circle.organization)
    assert (team.description.text, team.visibility, team.default_role) == ("**Low** tide", "public", "write")
    assert str(team.organization.id) == circle.organization
    assert (team.member_count, team.user_membership.role, team.can_moderate) == (1, "admin", True)
    assert team.join_policy is None
    assert [found.name for found in guest.teams.list(org_id=circle.organization)] == ["general", "tide-pool"]
    assert [found.name for found in guest.teams.list(joined=True)] == ["general"]
    assert [found.name for found in guest.teams.list(public_only=True)] == ["tide-pool"]
    changed = boss.teams.update(str(team.id), name="high-tide", join_policy="open", actor_type_policy="any")
    assert (changed.name, changed.join_policy, changed.actor_type_policy) == ("high-tide", "open", "any")
    with pytest.raises(ouro.PermissionDeniedError):
        guest.teams.update(str(team.id), name="mine")
    with pytest.raises(ouro.BadRequestError):
        boss.teams.create("Not A Slug")
    with pytest.raises(ouro.ConflictError):
        boss.teams.create("high-tide")
    boss.teams.delete(str(team.id))
    with pytest.raises(ouro.NotFoundError):
        boss.teams.retrieve(str(team.id))
    with pytest.raises(ouro.ConflictError):
        boss.teams.delete(circle.default_team())


def test_joining_and_leaving(boss: Any, guest: Any) -> None:
    """An open team is joined, shows its members, and is left."""
    import ouro

    team_id = str(boss.teams.create("harbour", join_policy="open").id)
    joined = guest.teams.join(team_id)
    assert (joined.join_status, joined.user_membership.role, joined.member_count) == ("joined", "write", 2)
    whole = guest.teams.retrieve(team_id, include_members=True)
    assert [str(member.user_id) for member in whole.members] == [str(boss.user.id), str(guest.user.id)]
    assert str(whole.members[1].user.user_id) == str(guest.user.id)
    assert guest.teams.retrieve(team_id).members is None
    guest.teams.leave(team_id)
    assert guest.teams.retrieve(team_id).user_membership is None
    closed = str(boss.teams.create("closed", join_policy="invite_only").id)
    with pytest.raises(ouro.PermissionDeniedError):
        guest.teams.join(closed)


def test_asking_to_join(boss: Any, guest: Any) -> None:
    """Requests are listed, rejected, made again and approved."""
    team_id = str(boss.teams.create("lock", join_policy="request").id)
    asked = guest.teams.join(team_id)
    assert (asked.join_status, asked.join_request_pending, asked.user_join_request.status) == (
        "pending",
        True,
        "pending",
    )
    (request,) = boss.teams.list_join_requests(team_id)
    assert (request.id, request.status) == (asked.user_join_request.id, "pending")
    assert str(request.user_id) == str(request.user.user_id) == str(guest.user.id)
    assert [mine.id for mine in guest.teams.list_join_requests(team_id)] == [request.id]
    boss.teams.reject_join_request(team_id, str(request.id))
    assert guest.teams.retrieve(team_id).user_join_request.status == "rejected"
    again = guest.teams.join(team_id).user_join_request
    boss.teams.approve_join_request(team_id, str(again.id))
    assert guest.teams.retrieve(team_id).join_status == "joined"
    assert boss.teams.list_join_requests(team_id) == []


def test_bans(boss: Any, guest: Any) -> None:
    """A banned member is out and cannot come back until the ban is lifted."""
    import ouro

    team_id, guest_id = str(boss.teams.create("dry-dock", join_policy="open").id), str(guest.user.id)
    guest.teams.join(team_id)
    boss.teams.ban_member(team_id, guest_id, reason="spam", remove_contributions=True)
    (ban,) = boss.teams.list_bans(team_id)
    assert (str(ban.team_id), str(ban.user_id), ban.reason) == (team_id, guest_id, "spam")
    with pytest.raises(ouro.PermissionDeniedError):
        guest.teams.join(team_id)
    with pytest.raises(ouro.PermissionDeniedError):
        guest.teams.list_bans(team_id)
    boss.teams.unban_member(team_id, guest_id)
    assert boss.teams.list_bans(team_id) == []
    assert guest.teams.retrieve(team_id).join_status == "none"
    assert guest.teams.join(team_id).join_status == "joined"


def test_activity_and_unreads(circle: Circle, guest: Any) -> None:
    """Unread assets are counted and previewed, with and without naming the organization, until the activity is seen."""
    team_id, organization = circle.default_team(), circle.organization
    asset_id = make_asset(circle.server, circle.boss, "post", org_id=organization, team_id=team_id)
    assert guest.teams.unreads(team_id) == guest.teams.unreads(team_id, org_id=organization) == 1
    preview = guest.teams.unread_preview(team_id)
    assert (str(preview.team_id), preview.unread_count) == (team_id, 1)
    assert [str(each.id) for each in preview.data] == [asset_id]
    page = guest.teams.activity(team_id, asset_type="post")
    assert ([str(each.id) for each in page.data], page.has_more) == ([asset_id], False)
    guest.teams.activity(team_id)
    assert guest.teams.unreads(team_id) == 0


def test_pinned_client_creates_in_its_organization(circle: Circle) -> None:
    """A client pinned to an organization creates there without naming it, and sees its teams."""
    key = circle.free(circle.person()).member.key
    with official_client(circle.server, key, organization=circle.organization) as client:
        team = client.teams.create("pinned")
        assert str(team.org_id) == circle.organization
        assert [found.name for found in client.teams.list()] == ["general", "pinned"]
