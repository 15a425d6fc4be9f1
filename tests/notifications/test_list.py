"""Lists and counts of notifications: one's own, newest first, as they are asked for."""

from datetime import datetime
from uuid import uuid4

import httpx
import pytest

from _support.clients import exchange_client
from _support.members import Member
from _support.notifications import create_notifications
from _support.responses import assert_exchange_error
from _support.servers import Server

NOBODY = "00000000-0000-0000-0000-000000000000"
CATEGORIES = {
    "mentions": ["mention"],
    "comments": ["comment", "reply"],
    "references": ["reference"],
    "shares": ["share", "ownership-transfer"],
    "money": ["payment", "deposit"],
    "actions": ["action-complete", "action-failed"],
}


def listed(client: httpx.Client, **query: object) -> list[str]:
    """The ids of the notifications that a query lists."""
    response = client.get("/user/notifications", params={name: str(value) for name, value in query.items()})
    assert response.status_code == 200, response.text
    return [notification["id"] for notification in response.json()["data"]]


def unread(client: httpx.Client, **query: str) -> int:
    """How many notifications are unread."""
    response = client.get("/user/notifications/unreads", params=query)
    assert response.status_code == 200, response.text
    assert type(response.json()["data"]) is int
    return int(response.json()["data"])


def test_what_a_notification_says(server: Server, me: httpx.Client, member: Member) -> None:
    """A notification has the reference's fields, and whom it comes from with their user_id."""
    source, asset = server.new_member(), uuid4()
    create_notifications(
        server, member, "share", source=source, asset_id=asset, content={"text": "ünder", "asset": {"assetId": "x"}}
    )
    (shown,) = me.get("/user/notifications").json()["data"]
    assert (shown["destination_user_id"], shown["source_user_id"]) == (member.person, source.person)
    assert (shown["type"], shown["viewed"], shown["asset_id"], shown["org_id"]) == ("share", False, str(asset), NOBODY)
    assert shown["content"] == {"text": "ünder", "asset": {"assetId": "x"}}
    assert shown["source_user"]["user_id"] == source.person
    assert (shown["source_user"]["username"], shown["source_user"]["name"]) == (source.username, "Jane Doe")
    assert shown["created_at"] == shown["last_updated"]
    assert datetime.fromisoformat(shown["created_at"]).tzinfo is not None
    create_notifications(server, member, "other")
    newest = me.get("/user/notifications").json()["data"][0]
    assert newest["content"] is newest["source_user"] is newest["source_user_id"] is None


def test_newest_first_page_by_page(server: Server, me: httpx.Client, member: Member) -> None:
    """Pages go from the newest to the oldest, and the last one says that it is, though it be full."""
    expected = create_notifications(server, member, *["other"] * 6)[::-1]
    pages = [me.get("/user/notifications", params={"offset": at, "limit": 2}).json() for at in (0, 2, 4, 6)]
    assert [[row["id"] for row in page["data"]] for page in pages] == [expected[:2], expected[2:4], expected[4:], []]
    assert [page["pagination"]["hasMore"] for page in pages] == [True, True, False, False]
    assert {page["pagination"]["total"] for page in pages} == {6}


def test_only_one_s_own(server: Server, me: httpx.Client, member: Member) -> None:
    """Nobody sees what others are told, not even in their own organization."""
    other = server.new_member(organization=member.organization)
    create_notifications(server, other, "mention", organization=member.organization)
    assert listed(me) == []
    assert unread(me) == 0


@pytest.mark.parametrize("category", CATEGORIES)
def test_categories(server: Server, me: httpx.Client, member: Member, category: str) -> None:
    """A category has its types and no others, several together have those of all; a follow is in none."""
    kinds = [kind for some in CATEGORIES.values() for kind in some]
    ids = dict(zip(kinds, create_notifications(server, member, *kinds), strict=True))
    (follow,) = create_notifications(server, member, "follow", source=server.new_member())
    assert listed(me, category=category) == [ids[kind] for kind in CATEGORIES[category]][::-1]
    both = listed(me, category=f"mentions, {category}")
    assert set(both) == {ids["mention"], *(ids[kind] for kind in CATEGORIES[category])}
    assert follow not in listed(me, category=",".join(CATEGORIES))
    assert listed(me)[0] == follow


def test_unread_only(server: Server, me: httpx.Client, member: Member) -> None:
    """What was read is left out where only the unread is wanted, and no longer counted."""
    first, second = create_notifications(server, member, "mention", "share")
    assert unread(me) == 2
    assert me.get(f"/user/notifications/{first}").status_code == 200
    assert listed(me, unread_only="true") == [second]
    assert listed(me, unread_only="false") == [second, first]
    assert listed(me, unread_only="true", category="mentions") == []
    assert unread(me) == 1


def test_by_organization(server: Server, member: Member) -> None:
    """`org_id` keeps to one organization, and the zero UUID to what concerns none."""
    elsewhere = server.new_member().organization
    here, there, nowhere = (
        create_notifications(server, member, "mention", organization=organization)[0]
        for organization in (member.organization, elsewhere, "")
    )
    free = server.new_key(member).key
    with exchange_client(server, free) as client:
        assert listed(client) == [nowhere, there, here]
        for organization, expected in ((member.organization, here), (elsewhere, there), (NOBODY, nowhere)):
            assert listed(client, org_id=organization) == [expected]
            assert unread(client, org_id=organization) == 1
        assert listed(client, org_id=uuid4()) == []


def test_a_bound_key_sees_nothing_of_other_organizations(server: Server, me: httpx.Client, member: Member) -> None:
    """A key bound to an organization shows, counts and marks what concerns that organization, or none."""
    elsewhere = server.new_member().organization
    (there,) = create_notifications(server, member, "mention", organization=elsewhere)
    here, nowhere = create_notifications(
        server, member, "share", organization=member.organization
    ) + create_notifications(server, member, "other")
    assert listed(me) == [nowhere, here]
    assert listed(me, org_id=elsewhere) == []
    assert unread(me) == 2
    assert unread(me, org_id=elsewhere) == 0
    assert_exchange_error(me.get(f"/user/notifications/{there}"), 404, "not_found")
    assert me.post("/user/notifications/read", json={"ids": [there, here]}).json()["data"]["read"] == [here]
    assert server.query("select from notification where id::text = $1 and viewed_on is null", there)


@pytest.mark.parametrize(
    "query",
    [
        {"category": "letters"},
        {"category": ""},
        {"category": "mentions,,shares"},
        {"unread_only": "yes"},
        {"org_id": "mine"},
        {"org_id": ""},
        {"limit": "0"},
        {"limit": "201"},
        {"offset": "-1"},
    ],
)
def test_bad_questions(me: httpx.Client, query: dict[str, str]) -> None:
    """A parameter that cannot be understood is refused, not ignored."""
    (name,) = query
    error = assert_exchange_error(me.get("/user/notifications", params=query), 400, "invalid_request")
    assert error["details"]["field"] == name
    if name == "org_id":
        assert_exchange_error(me.get("/user/notifications/unreads", params=query), 400, "invalid_request")


def test_a_narrow_key(server: Server) -> None:
    """A key that may read notifications lists and counts them; one that may not is 403."""
    narrow, other = server.new_member(scopes="notifications:read"), server.new_member(scopes="users:read")
    (notification,) = create_notifications(server, narrow, "other")
    with exchange_client(server, narrow.key) as client:
        assert (listed(client), unread(client)) == ([notification], 1)
        assert_exchange_error(client.get(f"/user/notifications/{notification}"), 403, "forbidden")
        assert_exchange_error(client.post("/user/notifications/read", json={"ids": []}), 403, "forbidden")
    with exchange_client(server, other.key) as client:
        assert_exchange_error(client.get("/user/notifications"), 403, "forbidden")
        assert_exchange_error(client.get("/user/notifications/unreads"), 403, "forbidden")
