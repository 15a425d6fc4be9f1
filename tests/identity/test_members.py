"""Who belongs to an organization: listing, adding, roles, leaving; and the last administrator, who stays."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from exchange import get_token
from house import House
from support import wait_until
from wire import assert_exchange_error, assert_no_trouble

UNKNOWN = "0190a3c2-0000-7000-8000-000000000000"


def test_members_are_listed(house: House) -> None:
    """Members see who belongs, administrators first, page by page; an e-mail address is not among it."""
    extra = [house.server.new_member() for _ in range(3)]
    for person in extra:
        house.add(person)
    house.add(chief := house.server.new_member(), "admin")
    page = house.as_clerk.get(f"{house.path}/members").json()
    assert page["pagination"] == {"offset": 0, "limit": 50, "total": 6, "hasMore": False, "nextCursor": None}
    first = page["data"][0]
    assert list(first) == ["user_id", "user", "role", "membership_type", "added_at"]
    assert list(first["user"]) == ["user_id", "username", "name", "avatar_path", "actor_type"]
    assert first["user_id"] == first["user"]["user_id"] == house.boss.person
    assert (first["user"]["name"], first["role"], first["membership_type"]) == ("Jane Doe", "admin", "internal")
    expected = [house.boss, chief, house.clerk, *extra]
    assert [one["user"]["username"] for one in page["data"]] == [one.username for one in expected]
    walked, offset, more = [], 0, True
    while more:
        page = house.as_clerk.get(f"{house.path}/members", params={"limit": 3, "offset": offset}).json()
        walked += [one["user_id"] for one in page["data"]]
        more, offset = page["pagination"]["hasMore"], offset + 3
    assert (walked, offset) == ([one.person for one in expected], 6)


def test_members_are_for_members(house: House) -> None:
    """Who belongs to an organization is told to nobody else, public or not."""
    house.change(visibility="public")
    stranger = house.client_of(house.server.new_member())
    assert stranger.get(house.path).status_code == 200
    assert_exchange_error(stranger.get(f"{house.path}/members"), 404, "not_found")


def test_add(house: House) -> None:
    """An administrator adds people by username or id; they are notified, and the trail tells who added whom."""
    by_name, by_id = house.server.new_member(), house.server.new_member()
    answer = house.as_boss.post(f"{house.path}/members", json={"username": by_name.username}).json()["data"]
    assert (answer["user_id"], answer["role"]) == (by_name.person, "member")
    answer = house.as_boss.post(f"{house.path}/members", json={"user_id": by_id.person, "role": "admin"}).json()["data"]
    assert (answer["user"]["username"], answer["role"]) == (by_id.username, "admin")
    assert house.told(by_name) == [("invite", "You are now a member of The House.", house.boss.person)]
    assert house.told(by_id) == [("invite", "You are now an administrator of The House.", house.boss.person)]
    added = house.events("member.add")
    assert [str(event["subject_id"]) for event in added][-2:] == [by_name.person, by_id.person]
    assert {str(event["actor_id"]) for event in added} == {house.boss.person}


def test_added_member_may_act_at_once(house: House) -> None:
    """The token of somebody just added runs in the organization from then on, without a new one."""
    newcomer = house.server.new_member()
    client = house.client_of(newcomer)
    headers = {"x-ouro-org": house.id}
    assert_exchange_error(client.get("/user", headers=headers), 403, "org_context_forbidden")
    house.add(newcomer)
    wait_until(lambda: client.get("/user", headers=headers).status_code == 200)


def test_added_twice_is_a_conflict(house: House) -> None:
    """Of many who add one person at once one is told they were added, the others that they are a member already."""
    newcomer = house.server.new_member()
    body = {"username": newcomer.username}
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: house.as_boss.post(f"{house.path}/members", json=body), range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] + [409] * 5
    for answer in answers:
        if answer.status_code == 409:
            assert_exchange_error(answer, 409, "duplicate")
    assert len(house.told(newcomer)) == 1


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"username": "admin", "user_id": UNKNOWN}, 400),
        ({"username": "admin", "role": "king"}, 400),
        ({"user_id": "x"}, 400),
        ({"username": 1}, 400),
        ({"username": ""}, 404),
        ({"username": "nobody-at-all"}, 404),
        ({"username": "a\0b"}, 404),
        ({"user_id": UNKNOWN}, 404),
    ],
    ids=str,
)
def test_nobody_cannot_be_added(house: House, body: dict[str, Any], status: int) -> None:
    """A body that names nobody, or in no way that can be understood, adds nobody."""
    response = house.as_boss.post(f"{house.path}/members", json=body)
    assert_exchange_error(response, status, "invalid_request" if status == 400 else "not_found")
    assert len(house.roles) == 2


def test_roles(house: House) -> None:
    """An administrator changes roles, by username or id; the person is told, but not of what is as it was."""
    path = f"{house.path}/members"
    for user, role in ((house.clerk.username, "admin"), (house.clerk.person, "member"), (house.clerk.person, "member")):
        answer = house.as_boss.put(f"{path}/{user}", json={"role": role})
        assert answer.json()["data"]["role"] == role
        assert house.roles[house.clerk.username] == role
    assert [(kind, text) for kind, text, _ in house.told(house.clerk)[1:]] == [
        ("other", "You are now an administrator of The House."),
        ("other", "You are now a member of The House."),
    ]
    assert len(house.events("member.role")) == 2
    stranger = house.server.new_member()
    for user in (stranger.username, stranger.person, UNKNOWN, "nobody-at-all"):
        assert_exchange_error(house.as_boss.put(f"{path}/{user}", json={"role": "admin"}), 404, "not_found")
    for body in ({}, {"role": "king"}, {"role": None}):
        assert_exchange_error(house.as_boss.put(f"{path}/{house.clerk.person}", json=body), 400, "invalid_request")


def test_rights_end_with_the_role(house: House) -> None:
    """Whoever is made a plain member is an administrator no longer, at their next request and with the same token."""
    house.add(chief := house.server.new_member(), "admin")
    client = house.client_of(chief)
    body = {"organization": {"mission": "Ours."}}
    assert client.put(house.path, json=body).status_code == 200
    house.as_boss.put(f"{house.path}/members/{chief.username}", json={"role": "member"})
    assert_exchange_error(client.put(house.path, json=body), 403, "forbidden")


def test_members_change_nobody(house: House) -> None:
    """A member who is no administrator adds and removes nobody else, and gives nobody a role, themselves included."""
    other = house.server.new_member()
    path = f"{house.path}/members"
    for response in (
        house.as_clerk.post(path, json={"username": other.username}),
        house.as_clerk.put(f"{path}/{house.clerk.username}", json={"role": "admin"}),
        house.as_clerk.put(f"{path}/{house.boss.username}", json={"role": "member"}),
        house.as_clerk.delete(f"{path}/{house.boss.username}"),
    ):
        assert_exchange_error(response, 403, "forbidden")
    assert house.roles == {house.boss.username: "admin", house.clerk.username: "member"}


def test_strangers_change_nobody(house: House) -> None:
    """An administrator of another organization, who sees this one because it is public, changes nobody here."""
    house.change(visibility="public")
    stranger = house.server.new_member()
    client = house.client_of(stranger)
    client.post("/organizations/create", json={"organization": {"display_name": "Elsewhere"}})
    path = f"{house.path}/members"
    for response in (
        client.post(path, json={"username": stranger.username, "role": "admin"}),
        client.put(f"{path}/{house.boss.username}", json={"role": "member"}),
        client.delete(f"{path}/{house.clerk.username}"),
        client.post(f"{house.path}/join", json={}),
    ):
        assert_exchange_error(response, 403, "forbidden")
    assert_exchange_error(client.delete(f"{path}/{stranger.username}"), 404, "not_found")
    assert house.roles == {house.boss.username: "admin", house.clerk.username: "member"}


def test_remove(house: House) -> None:
    """Whoever is removed is told so, sees the organization no longer, and is gone from its default team."""
    assert house.as_boss.delete(f"{house.path}/members/{house.clerk.username}").json() == {"data": None, "error": None}
    assert house.roles == {house.boss.username: "admin"}
    assert house.told(house.clerk)[1:] == [("other", "You are no longer a member of The House.", house.boss.person)]
    assert_exchange_error(house.as_clerk.get(house.path), 404, "not_found")
    inside = house.server.query(
        "select count(*) from team_member m join team t on t.id = m.team_id"
        " where t.organization_id = $1 and m.person_id = $2",
        house.id,
        house.clerk.person,
    )
    assert inside[0][0] == 0
    (event,) = house.events("member.remove")
    assert (str(event["actor_id"]), str(event["subject_id"])) == (house.boss.person, house.clerk.person)
    again = house.as_boss.delete(f"{house.path}/members/{house.clerk.username}")
    assert_exchange_error(again, 404, "not_found")


def test_removal_ends_the_keys_bound_to_the_organization(house: House) -> None:
    """Keys bound to the organization die with the membership, tokens and all, for good; the person's others live on."""
    made = house.server.new_key(house.clerk, organization=house.id)
    token = get_token(house.server, made.key)

    def ask() -> httpx.Response:
        return httpx.get(f"{house.server.url}/user", headers={"authorization": token}, trust_env=False)

    assert ask().status_code == 200
    house.as_boss.delete(f"{house.path}/members/{house.clerk.username}")
    wait_until(lambda: ask().status_code == 401)
    assert house.as_clerk.get("/user").status_code == 200
    house.add(house.clerk)
    assert house.as_clerk.get(house.path).status_code == 200
    assert_exchange_error(ask(), 401, "unauthenticated")
    (event,) = house.events("member.remove")
    assert made.key_id in event["details"]


def test_leave(house: House) -> None:
    """A member leaves by removing themselves, once; the trail has it as their own doing and nobody is notified."""
    before = house.told(house.clerk)
    assert house.as_clerk.delete(f"{house.path}/members/{house.clerk.person}").status_code == 200
    assert house.told(house.clerk) == before
    (event,) = house.events("member.remove")
    assert event["actor_id"] == event["subject_id"]
    assert_exchange_error(house.as_clerk.delete(f"{house.path}/members/{house.clerk.person}"), 404, "not_found")


def test_last_administrator_stays(house: House) -> None:
    """The only administrator can neither leave nor give up the role, until there is another."""
    path = f"{house.path}/members/{house.boss.username}"
    assert_exchange_error(house.as_boss.delete(path), 409, "last_administrator")
    assert_exchange_error(house.as_boss.put(path, json={"role": "member"}), 409, "last_administrator")
    assert house.as_boss.put(path, json={"role": "admin"}).status_code == 200
    assert house.roles[house.boss.username] == "admin"
    house.as_boss.put(f"{house.path}/members/{house.clerk.username}", json={"role": "admin"})
    assert house.as_boss.delete(path).status_code == 200
    assert house.roles == {house.clerk.username: "admin"}


@pytest.mark.parametrize("way", ["leave", "step down", "remove each other", "mixed"])
def test_administrators_who_go_at_once_leave_one(house: House, way: str) -> None:
    """However many administrators leave, step down or remove one another at the same moment, one remains."""
    chiefs = [house.server.new_member() for _ in range(4)]
    for chief in chiefs:
        house.add(chief, "admin")
    people = [house.boss, *chiefs]
    clients = [house.as_boss, *map(house.client_of, chiefs)]

    def go(number: int) -> httpx.Response:
        own = f"{house.path}/members/{people[number].username}"
        other = f"{house.path}/members/{people[(number + 1) % len(people)].username}"
        if way == "step down" or (way == "mixed" and number % 3 == 0):
            return clients[number].put(own, json={"role": "member"})
        return clients[number].delete(
            other if way == "remove each other" or (way == "mixed" and number % 3 == 1) else own
        )

    with ThreadPoolExecutor(len(people)) as pool:
        answers = list(pool.map(go, range(len(people))))
    left = [role for role in house.roles.values() if role == "admin"]
    assert len(left) >= 1
    if way in ("leave", "step down"):
        assert sorted(answer.status_code for answer in answers) == [200] * 4 + [409]
        assert len(left) == 1
    assert {answer.status_code for answer in answers} <= {200, 403, 404, 409}
    assert_no_trouble(house.server)
