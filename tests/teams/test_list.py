"""`GET /teams`: every team one may see, and no other."""

from exchange import exchange_client
from support import Member, Server


def test_everybody_is_in_the_default_team(server: Server, member: Member) -> None:
    """Every organization has a default team, and every member is in it."""
    with exchange_client(server, member.key) as client:
        answer = client.get("/teams").json()
    (team,) = answer["data"]
    assert answer["pagination"] == {"offset": 0, "limit": 200, "total": None, "hasMore": False, "nextCursor": None}
    assert (team["name"], team["slug"], team["is_default"]) == ("general", "general", True)
    assert team["org_id"] == team["organization"]["id"] == member.organization
    assert (team["memberCount"], team["joinStatus"], team["canModerate"]) == (1, "joined", False)
    assert team["userMembership"]["user_id"] == member.person
    assert team["userMembership"]["role"] == "write"
    assert team["join_policy"] is None
    assert "members" not in team
