"""Organizations through the official client, unmodified: found, listed, and pinned to."""

import secrets
from typing import Any
from uuid import UUID

import pytest

from _support.clients import exchange_client, official_client
from _support.members import Member
from _support.servers import Server

NOBODY = UUID(int=0)
UNKNOWN = "0190a3c2-0000-7000-8000-000000000000"


@pytest.fixture
def free_key(server: Server, member: Member) -> str:
    """A key of the member's that is bound to no organization."""
    return server.new_key(member).key


def create(server: Server, key: str, **fields: Any) -> dict[str, Any]:
    """A new organization, administered by the key's person."""
    with exchange_client(server, key) as client:
        response = client.post("/organizations/create", json={"organization": fields})
    assert response.status_code == 200, response.text
    return dict(response.json()["data"])


def test_list_and_retrieve(server: Server, member: Member, free_key: str) -> None:
    """The client lists one's organizations with one's role in each, and gets one with its default team."""
    made = create(server, free_key, display_name="The Gazette", mission="Print.", website_url="gazette.example")
    with official_client(server, free_key) as client:
        listed = client.organizations.list()
        assert [(one.display_name, one.membership.role) for one in listed] == [
            ("Org", "member"),
            ("The Gazette", "admin"),
        ]
        gazette = client.organizations.retrieve(made["id"])
        assert gazette == listed[1]
        assert (gazette.name, gazette.mission) == (made["name"], "Print.")
        assert (gazette.user_role, gazette.membership_type) == ("admin", "internal")
        assert gazette.membership.membership_type == "internal"
        assert (gazette.join_policy, gazette.visibility) == ("invite_only", "organization")
        assert (gazette.source_policy, gazette.actor_type_policy) == ("any", "any")
        assert gazette.default_team.org_id == gazette.id
        assert gazette.created_at.tzinfo is not None
        assert gazette.default_team.id in [team.id for team in client.teams.list(org_id=made["id"])]


def test_discover(server: Server, free_key: str) -> None:
    """The client discovers the public organizations of others, and joins none by that."""
    other = server.new_member()
    made = create(server, server.new_key(other).key, display_name="Open", visibility="public")
    with official_client(server, free_key) as client:
        (found,) = [one for one in client.organizations.list_discoverable() if str(one.id) == made["id"]]
        assert found.membership is found.user_role is found.default_team is None
        assert client.organizations.retrieve(made["id"]) == found
        assert made["id"] not in [str(one.id) for one in client.organizations.list()]


def test_unknown(server: Server, member: Member) -> None:
    """An organization one may not know of is the client's NotFoundError, what is no id its BadRequestError."""
    import ouro

    other = server.new_member()
    with official_client(server, member.key) as client:
        for hidden in (UNKNOWN, other.organization):
            with pytest.raises(ouro.NotFoundError):
                client.organizations.retrieve(hidden)
        with pytest.raises(ouro.BadRequestError):
            client.organizations.retrieve("gazette")


def test_unpinned(server: Server, free_key: str) -> None:
    """A client that names no organization runs in the personal context."""
    with official_client(server, free_key) as client:
        assert client.organization is None
        context = client.organizations.get_context()
        assert (context.id, context.name) == (NOBODY, "all")


def test_pinned(server: Server, free_key: str) -> None:
    """A client is pinned by id, by slug and by the name for people; its requests run there, with the default team."""
    title = f"The Gazette & Sons {secrets.token_hex(4)}"
    made = create(server, free_key, display_name=title)
    for name in (made["id"], made["id"].upper(), made["name"], title):
        with official_client(server, free_key, organization=name) as client:
            assert client.organization == made["id"]
            assert str(client.organizations.get_context().id) == made["id"]
            assert client._resolve_default_team() == made["default_team"]["id"]
            client.use_organization(None)
            assert client.organizations.get_context().id == NOBODY
            client.use_organization(made["name"])
            assert str(client.organizations.get_context().id) == made["id"]


def test_pinned_to_the_personal_context(server: Server, free_key: str) -> None:
    """Naming the organization that everybody is in, by id or as all, means the personal context."""
    for name in (str(NOBODY), "all"):
        with official_client(server, free_key, organization=name) as client:
            assert client.organizations.get_context().id == NOBODY
            assert client._resolve_default_team() == str(NOBODY)


def test_pinned_to_what_is_not_there(server: Server, free_key: str) -> None:
    """A name that leads nowhere, or to an organization that is hidden, is said not to be found."""
    import ouro

    other = server.new_member()
    hidden = create(server, server.new_key(other).key, display_name="Hidden")
    for name in ("nobody-is-called-this", hidden["name"]):
        with pytest.raises(ouro.OuroError, match="was not found"), official_client(server, free_key, organization=name):
            pass


def test_pinned_where_one_does_not_belong(server: Server, free_key: str) -> None:
    """A client pinned by id to an organization of others is told PermissionDeniedError by its first request."""
    import ouro

    other = server.new_member()
    with official_client(server, free_key, organization=other.organization) as client:
        with pytest.raises(ouro.PermissionDeniedError) as caught:
            client.organizations.get_context()
        assert caught.value.code == "org_context_forbidden"


def test_bound_key_pins_its_client(server: Server, member: Member) -> None:
    """A key bound to an organization pins its client to it, and to no other."""
    import ouro

    other = create(server, server.new_key(member).key, display_name="Other")
    with official_client(server, member.key) as client:
        assert client.organization == member.organization
        assert str(client.organizations.get_context().id) == member.organization
        assert [str(one.id) for one in client.organizations.list()] == [member.organization]
        with pytest.raises(ouro.OuroError, match="bound to organization"):
            client.use_organization(other["id"])
