"""`GET /teams`: every team that the caller may see, and no other."""

from uuid import uuid4

import pytest

from _support.organizations import Organization, User
from _support.responses import assert_exchange_error
from _support.servers import Server

ZERO_ID = "00000000-0000-0000-0000-000000000000"


def names(person: User, **params: str) -> list[str]:
    """Return the names of the listed teams."""
    return [team["name"] for team in person.call("GET", "/teams", params=params)]


def test_everybody_is_in_the_default_team(org: Organization) -> None:
    """Every member of an organization is in its default team; its administrators administer it."""
    person = org.new_user()
    (team,) = person.call("GET", "/teams")
    assert (team["name"], team["slug"], team["is_default"]) == ("general", "general", True)
    assert team["org_id"] == team["organization"]["id"] == org.id
    assert (team["memberCount"], team["joinStatus"], team["canModerate"]) == (2, "joined", False)
    assert team["userMembership"]["user_id"] == person.id
    assert team["userMembership"]["role"] == "write"
    assert team["join_policy"] is None
    assert "members" not in team
    assert org.admin.call("GET", "/teams")[0]["userMembership"]["role"] == "admin"
    assert org.admin.call("GET", f"/teams/{team['id']}")["canModerate"] is True


def test_default_team_comes_first_then_names(org: Organization) -> None:
    """The default team comes first, then the others by name, in pages with an exact `hasMore`."""
    for name in ("b", "c", "a"):
        org.admin.create_team(name)
    assert names(org.new_user()) == ["general", "a", "b", "c"]
    seen = []
    for offset in range(4):
        page = org.admin.client.get("/teams", params={"offset": offset, "limit": 1}).json()
        assert page["pagination"]["hasMore"] is (offset < 3)
        assert page["pagination"]["nextCursor"] is None
        seen += [team["name"] for team in page["data"]]
    assert seen == ["general", "a", "b", "c"]
    assert names(org.admin, offset="4") == []


def test_filters(org: Organization) -> None:
    """Teams are filtered by `joined` and `public_only`; false does not filter."""
    org.admin.create_team("hers")
    person = org.new_user()
    person.create_team("his", visibility="public")
    assert names(person) == ["general", "hers", "his"]
    assert names(person, joined="false", public_only="false") == ["general", "hers", "his"]
    assert names(person, joined="true") == ["general", "his"]
    assert names(person, public_only="true") == ["his"]
    assert names(org.admin, joined="true", public_only="true") == []


def test_strangers_see_public_teams_only(org: Organization) -> None:
    """People outside an organization see only its public teams."""
    hidden = org.admin.create_team("hidden")
    shown = org.admin.create_team("shown", visibility="public")
    stranger = org.new_outsider()
    assert names(stranger) == ["general"]
    for person in (stranger, org.with_unbound_key(stranger)):
        assert names(person, org_id=org.id) == ["shown"]
        assert_exchange_error(person.client.get(f"/teams/{hidden['id']}"), 404, "not_found")
        team = person.call("GET", f"/teams/{shown['id']}")
        assert (team["joinStatus"], team["userMembership"], team["canModerate"]) == ("none", None, False)
    assert names(stranger, org_id=str(uuid4())) == names(stranger, org_id=ZERO_ID) == []


def test_personal_context(org: Organization) -> None:
    """An unbound key sees the teams of all its person's organizations, or of the one that the request acts in."""
    person, other = org.new_user(), org.new_outsider()
    elsewhere = other.create_team("elsewhere")
    org.server.query(
        "insert into membership (organization_id, person_id, role) values ($1, $2, 'member')",
        other.member.organization,
        person.id,
    )
    org.admin.create_team("here")
    unbound = org.with_unbound_key(person)
    assert {"here", "elsewhere"} <= set(names(unbound))
    assert names(unbound, joined="true") == ["general", "general"]
    here = unbound.call("GET", "/teams", headers={"x-ouro-org": org.id})
    assert [team["name"] for team in here] == ["general", "here"]
    path = f"/teams/{elsewhere['id']}"
    assert unbound.call("GET", path)["joinStatus"] == "none"
    pinned = unbound.client.get(path, headers={"x-ouro-org": org.id})
    assert_exchange_error(pinned, 404, "not_found")
    assert_exchange_error(person.client.get(path), 404, "not_found")


@pytest.mark.parametrize("query", ["org_id=x", "joined=1", "public_only=yes", "limit=0", "limit=201", "offset=-1"])
def test_invalid_query_is_rejected(org: Organization, query: str) -> None:
    """An invalid parameter is 400 naming it."""
    error = assert_exchange_error(org.admin.client.get(f"/teams?{query}"), 400, "invalid_request")
    assert error["details"]["field"] == query.split("=")[0]


def test_invalid_flag_is_rejected(org: Organization) -> None:
    """`include_members` must be true or false."""
    response = org.admin.client.get(f"/teams/{org.default_team_id()}?include_members=1")
    assert_exchange_error(response, 400, "invalid_request")


def test_default_team_of_the_first_start(server: Server) -> None:
    """The organization of the first start has a default team, which its administrator administers."""
    rows = server.query(
        "select i.role from team_member i join team t on t.id = i.team_id and t.is_default"
        " where t.organization_id = $1 order by i.created_on",
        server.organization,
    )
    assert rows
    assert rows[0]["role"] == "admin"
