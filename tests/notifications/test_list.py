"""Lists and counts of the caller's notifications."""

from datetime import datetime
from uuid import uuid4

import httpx
import pytest

from _support.clients import exchange_client
from _support.members import Member
from _support.notifications import create_notifications
from _support.responses import assert_exchange_error
from _support.servers import Server

ZERO_ID = "00000000-0000-0000-0000-000000000000"
CATEGORIES = {
    "mentions": ["mention"],
    "comments": ["comment", "reply"],
    "references": ["reference"],
    "shares": ["share", "ownership-transfer"],
    "money": ["payment", "deposit"],
    "actions": ["action-complete", "action-failed"],
}


def list_ids(client: httpx.Client, **query: object) -> list[str]:
    """Return the ids of the listed notifications."""
    response = client.get("/user/notifications", params={name: str(value) for name, value in query.items()})
    assert response.status_code == 200, response.text
    return [notification["id"] for notification in response.json()["data"]]


def count_unread(client: httpx.Client, **query: str) -> int:
    """Return the number of unread notifications."""
    response = client.get("/user/notifications/unreads", params=query)
    assert response.status_code == 200, response.text
    assert type(response.json()["data"]) is int
    return int(response.json()["data"])


def test_fields_of_a_notification(server: Server, me: httpx.Client, member: Member) -> None:
    """A notification has the reference's fields, among them its source person with their user_id."""
    source, asset = server.new_member(), uuid4()
    create_notifications(
        server, member, "share", source=source, asset_id=asset, content={"text": "ünder", "asset": {"assetId": "x"}}
    )
    (shown,) = me.get("/user/notifications").json()["data"]
    assert (shown["destination_user_id"], shown["source_user_id"]) == (member.person, source.person)
    assert (shown["type"], shown["viewed"], shown["asset_id"], shown["org_id"]) == ("share", False, str(asset), ZERO_ID)
    assert shown["content"] == {"text": "ünder", "asset": {"assetId": "x"}}
    assert shown["source_user"]["user_id"] == source.person
    assert (shown["source_user"]["username"], shown["source_user"]["name"]) == (source.username, "Jane Doe")
    assert shown["created_at"] == shown["last_updated"]
    assert datetime.fromisoformat(shown["created_at"]).tzinfo is not None
    create_notifications(server, member, "other")
    newest = me.get("/user/notifications").json()["data"][0]
    assert newest["content"] is newest["source_user"] is newest["source_user_id"] is None


def test_pages(server: Server, me: httpx.Client, member: Member) -> None:
    """Notifications are listed newest first, in pages, and a full last page says that it is the last."""
    expected = create_notifications(server, member, *["other"] * 6)[::-1]
    pages = [me.get("/user/notifications", params={"offset": at, "limit": 2}).json() for at in (0, 2, 4, 6)]
    assert [[row["id"] for row in page["data"]] for page in pages] == [expected[:2], expected[2:4], expected[4:], []]
    assert [page["pagination"]["hasMore"] for page in pages] == [True, True, False, False]
    assert {page["pagination"]["total"] for page in pages} == {6}


def test_only_own_notifications(server: Server, me: httpx.Client, member: Member) -> None:
    """Nobody sees other people's notifications, not even in their own organization."""
    other = server.new_member(organization=member.organization)
    create_notifications(server, other, "mention", organization=member.organization)
    assert list_ids(me) == []
    assert count_unread(me) == 0


@pytest.mark.parametrize("category", CATEGORIES)
def test_categories(server: Server, me: httpx.Client, member: Member, category: str) -> None:
    """A category selects its types, several select the types of all; a follow is in no category."""
    kinds = [kind for types in CATEGORIES.values() for kind in types]
    ids = dict(zip(kinds, create_notifications(server, member, *kinds), strict=True))
    (follow,) = create_notifications(server, member, "follow", source=server.new_member())
    assert list_ids(me, category=category) == [ids[kind] for kind in CATEGORIES[category]][::-1]
    both = list_ids(me, category=f"mentions, {category}")
    assert set(both) == {ids["mention"], *(ids[kind] for kind in CATEGORIES[category])}
    assert follow not in list_ids(me, category=",".join(CATEGORIES))
    assert list_ids(me)[0] == follow


def test_unread_only(server: Server, me: httpx.Client, member: Member) -> None:
    """`unread_only` omits read notifications, and the count does too."""
    first, second = create_notifications(server, member, "mention", "share")
    assert count_unread(me) == 2
    assert me.get(f"/user/notifications/{first}").status_code == 200
    assert list_ids(me, unread_only="true") == [second]
    assert list_ids(me, unread_only="false") == [second, first]
    assert list_ids(me, unread_only="true", category="mentions") == []
    assert count_unread(me) == 1


def test_by_organization(server: Server, member: Member) -> None:
    """`org_id` selects one organization; the zero UUID selects notifications of none."""
    elsewhere = server.new_member().organization
    here, there, nowhere = (
        create_notifications(server, member, "mention", organization=organization)[0]
        for organization in (member.organization, elsewhere, "")
    )
    unbound = server.new_key(member).key
    with exchange_client(server, unbound) as client:
        assert list_ids(client) == [nowhere, there, here]
        for organization, expected in ((member.organization, here), (elsewhere, there), (ZERO_ID, nowhere)):
            assert list_ids(client, org_id=organization) == [expected]
            assert count_unread(client, org_id=organization) == 1
        assert list_ids(client, org_id=uuid4()) == []


def test_bound_key(server: Server, me: httpx.Client, member: Member) -> None:
    """A key that is bound to an organization lists, counts and marks its notifications and personal ones only."""
    elsewhere = server.new_member().organization
    (there,) = create_notifications(server, member, "mention", organization=elsewhere)
    here, nowhere = create_notifications(
        server, member, "share", organization=member.organization
    ) + create_notifications(server, member, "other")
    assert list_ids(me) == [nowhere, here]
    assert list_ids(me, org_id=elsewhere) == []
    assert count_unread(me) == 2
    assert count_unread(me, org_id=elsewhere) == 0
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
def test_invalid_query_is_rejected(me: httpx.Client, query: dict[str, str]) -> None:
    """An invalid parameter is rejected, not ignored."""
    (name,) = query
    error = assert_exchange_error(me.get("/user/notifications", params=query), 400, "invalid_request")
    assert error["details"]["field"] == name
    if name == "org_id":
        assert_exchange_error(me.get("/user/notifications/unreads", params=query), 400, "invalid_request")


def test_scopes(server: Server) -> None:
    """A key with the read scope lists and counts notifications; one without it gets 403."""
    narrow, other = server.new_member(scopes="notifications:read"), server.new_member(scopes="users:read")
    (notification,) = create_notifications(server, narrow, "other")
    with exchange_client(server, narrow.key) as client:
        assert (list_ids(client), count_unread(client)) == ([notification], 1)
        assert_exchange_error(client.get(f"/user/notifications/{notification}"), 403, "forbidden")
        assert_exchange_error(client.post("/user/notifications/read", json={"ids": []}), 403, "forbidden")
    with exchange_client(server, other.key) as client:
        assert_exchange_error(client.get("/user/notifications"), 403, "forbidden")
        assert_exchange_error(client.get("/user/notifications/unreads"), 403, "forbidden")
