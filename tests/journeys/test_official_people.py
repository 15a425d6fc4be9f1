"""People through the official client, unmodified: profiles, search, plan, impact, notifications."""

from datetime import UTC, datetime
from uuid import UUID, uuid4

import pytest

from _support.clients import exchange_client, official_client
from _support.members import Member
from _support.notifications import create_notifications
from _support.servers import Server


def test_profiles(server: Server, member: Member) -> None:
    """The client knows itself and finds others by username, by id and by search."""
    other = server.new_member()
    with official_client(server, member.key) as client:
        me = client.users.me()
        assert (me.user_id, me.username, me.name) == (UUID(member.person), member.username, "Jane Doe")
        assert (me.is_self, me.is_following, me.is_agent, me.plan_type) == (True, False, False, "self-hosted")
        assert me.user_id == UUID(str(client.user.id))
        found = client.users.get(other.username)
        assert (found.user_id, found.is_self, found.followers) == (UUID(other.person), False, 0)
        assert client.users.get(other.person) == found
        assert client.users.search(other.username.upper()) == [found]
        assert client.users.search("nobody is called this", limit=5) == []


def test_plan_and_impact(server: Server, member: Member) -> None:
    """The client reads the plan, and the impact of whoever has no assets yet."""
    with official_client(server, member.key) as client:
        plan = client.users.plan()
        assert plan.plan_type == "self-hosted"
        assert plan.limits.can_create_private_assets
        assert plan.usage["apiKeys"].used == 1
        impact = client.users.impact(member.username, since="2026-01-31T00:00:00Z", limit=5, asset_ids=[str(uuid4())])
        assert (impact.user_id, impact.assets) == (UUID(member.person), [])
        assert impact.since == datetime(2026, 1, 31, tzinfo=UTC)
        assert (impact.aggregate.assets, impact.aggregate.quality_views) == (0, 0)


def test_unknown_people(server: Server, member: Member) -> None:
    """The client is told of a name nobody has by its NotFoundError."""
    import ouro

    with official_client(server, member.key) as client:
        for ask in (client.users.get, client.users.impact):
            with pytest.raises(ouro.NotFoundError):
                ask("nobody-at-all")


def test_notifications(server: Server, member: Member) -> None:
    """Whoever is followed learns it through the client, reads it, and has nothing unread any more."""
    others = [server.new_member() for _ in range(3)]
    for other in others:
        with exchange_client(server, other.key) as client:
            assert client.put(f"/users/{member.username}/follow").json()["data"]["following"] is True
    with official_client(server, member.key) as client:
        assert client.notifications.unreads() == 3
        assert client.notifications.unreads(org_id=member.organization) == 0
        page = client.notifications.list(limit=2)
        assert (page.total, page.has_more, page.limit) == (3, True, 2)
        assert [one.source_user.username for one in page.data] == [others[2].username, others[1].username]
        newest = page.data[0]
        assert (newest.type, newest.viewed, newest.source_user.user_id) == ("follow", False, UUID(others[2].person))
        assert others[2].username in newest.content["text"]
        assert client.notifications.read(str(newest.id)).viewed is True
        assert client.notifications.list(unread_only=True).total == 2
        assert client.notifications.list(category="mentions,shares").data == []
        rest = [str(one.id) for one in client.notifications.list(unread_only=True).data]
        assert client.notifications.read_many([*rest, str(uuid4())]) == rest
        assert client.notifications.unreads() == 0
        assert client.users.me().followers == 3


def test_foreign_notifications(server: Server, member: Member) -> None:
    """The client is told of somebody else's notification by its NotFoundError."""
    import ouro

    other = server.new_member()
    (foreign,) = create_notifications(server, other, "mention")
    with official_client(server, member.key) as client:
        with pytest.raises(ouro.NotFoundError):
            client.notifications.read(foreign)
        assert client.notifications.read_many([foreign]) == []
