"""Access rules, compared with a second implementation in Python over random people, keys, assets and grants."""

import asyncio
import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from _support.clients import exchange_client
from _support.members import Member
from _support.servers import Server
from hallmarket.server.catalog.explain_access import REQUIRED_ROLES, ROLE_NAMES

ORGANIZATIONS, PEOPLE, MAX_ASSETS = 3, 4, 8
VISIBILITIES = ("public", "private", "organization", "monetized", "inherit")
RANKS = {"read": 1, "write": 2, "admin": 3}
DELETE_MEMBERSHIPS = (
    "delete from membership where organization_id = any ($1::uuid[]) and person_id = any ($2::uuid[])"
    " and (organization_id, person_id) not in (select * from unnest($3::uuid[], $2))"
)
DELETE_PURCHASES = (
    "update permission g set bought = false, role = coalesce(g.role, 'read') from asset a"
    " where a.id = g.asset_id and a.name = $1 and g.bought"
)
NAMES = {rank: word for word, rank in RANKS.items()}


class Asset(msgspec.Struct):
    """A generated asset. People, organizations and parents are numbers; None is the personal context or no parent."""

    owner: int
    organization: int | None
    visibility: str
    parent: int | None
    kind: str


class World(msgspec.Struct):
    """Assets, granted roles and purchases by asset and person, and memberships by organization and person."""

    assets: list[Asset]
    grants: dict[tuple[int, int], str]
    bought: set[tuple[int, int]]
    memberships: set[tuple[int, int]]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Generate a world. An asset can only inherit from an earlier one."""
    person, organization = st.integers(0, PEOPLE - 1), st.integers(0, ORGANIZATIONS - 1)
    assets: list[Asset] = []
    for number in range(draw(st.integers(1, MAX_ASSETS))):
        parent = draw(st.none() | st.integers(0, number - 1)) if number else None
        owning_organization = draw(st.none() | organization)
        possible = [
            visibility
            for visibility in VISIBILITIES
            if (visibility != "inherit" or parent is not None)
            and (visibility != "organization" or owning_organization is not None)
        ]
        kind = draw(st.sampled_from(("file", "dataset", "comment")))
        assets.append(Asset(draw(person), owning_organization, draw(st.sampled_from(possible)), parent, kind))
    asset = st.integers(0, len(assets) - 1)
    grants = draw(st.dictionaries(st.tuples(asset, person), st.sampled_from(tuple(RANKS)), max_size=8))
    # Owners do not buy their own assets.
    bought = {(n, who) for n, who in draw(st.sets(st.tuples(asset, person), max_size=8)) if assets[n].owner != who}
    memberships = draw(st.sets(st.tuples(organization, person), max_size=6))
    return World(assets, grants, bought, memberships | {(person % ORGANIZATIONS, person) for person in range(PEOPLE)})


def find_root(world: World, asset: int) -> int:
    """Return the asset that an asset inherits its visibility from, or the asset itself."""
    while world.assets[asset].visibility == "inherit":
        parent = world.assets[asset].parent
        assert parent is not None
        asset = parent
    return asset


def expected_role(world: World, asset: int, person: int, bound_to: int | None) -> int:
    """Return the role, -1 to 3, of a person whose key opens one organization or, if None, all."""
    root = find_root(world, asset)
    organization, audience = world.assets[root].organization, world.assets[root].visibility
    reached = bound_to is None or organization == bound_to
    ranks = [{"public": 1, "monetized": 0}.get(audience, -1)]
    if audience == "organization" and reached and (organization, person) in world.memberships:
        ranks.append(1)
    for granted in (asset, root):
        if reached and world.assets[granted].owner == person:
            ranks.append(3)
        elif reached and (granted, person) in world.grants:
            ranks.append(RANKS[world.grants[granted, person]])
        if (granted, person) in world.bought:
            ranks.append(1)  # with any key
    return max(ranks)


def is_found(world: World, asset: int, scope: str, person: int, bound_to: int | None) -> bool:
    """Whether a search in a scope should find an asset."""
    own, root = world.assets[asset], world.assets[find_root(world, asset)]
    if expected_role(world, asset, person, bound_to) < 0 or own.kind == "comment":
        return False
    is_shared = own.owner != person and (asset, person) in world.grants
    return {
        "all": True,
        "personal": own.owner == person,
        "org": (root.organization, person) in world.memberships and bound_to in (None, root.organization),
        "shared": is_shared,
        "purchased": (asset, person) in world.bought,
        "global": root.visibility in ("public", "monetized"),
    }[scope]


class Stage:
    """People with keys on a server, which holds one world after another."""

    def __init__(self, server: Server, stack: ExitStack) -> None:
        self.server = server
        self.word = f"w{secrets.token_hex(6)}"
        first = [server.new_member() for _ in range(ORGANIZATIONS)]
        more = [server.new_member(organization=first[n % ORGANIZATIONS].organization) for n in range(3, PEOPLE)]
        self.people: list[Member] = [*first, *more]
        self.organizations = [UUID(member.organization) for member in first]
        self.ids = [UUID(member.person) for member in self.people]
        # By person, and whether the key is bound to the person's first organization.
        self.clients: dict[tuple[int, bool], httpx.Client] = {}
        for number, member in enumerate(self.people):
            free = server.new_key(member)
            self.clients[number, True] = stack.enter_context(exchange_client(server, member.key))
            self.clients[number, False] = stack.enter_context(exchange_client(server, free.key))
        self.assets: list[UUID] = []

    def set_world(self, world: World) -> None:
        """Replace the server's assets and memberships by a world."""
        asyncio.run(self._write(world))

    async def _write(self, world: World) -> None:
        connection = await asyncpg.connect(self.server.postgres_url)
        try:
            async with connection.transaction():
                await self._rewrite(connection, world)
        finally:
            await connection.close()

    async def _rewrite(self, connection: Any, world: World) -> None:
        self.assets = [uuid4() for _ in world.assets]
        owned = {(number, asset.owner): "admin" for number, asset in enumerate(world.assets)}
        roles = world.grants | owned
        permissions = [
            (self.assets[asset], self.ids[person], roles.get((asset, person)), (asset, person) in world.bought)
            for asset, person in roles.keys() | world.bought
        ]
        await connection.execute("update asset set parent_id = null, visibility = 'private' where name = $1", self.word)
        await connection.execute(DELETE_PURCHASES, self.word)
        await connection.execute("delete from asset where name = $1", self.word)
        await connection.execute(DELETE_MEMBERSHIPS, self.organizations, self.ids, self._first_organizations())
        await connection.executemany(
            "insert into membership (organization_id, person_id, role) values ($1, $2, 'member')"
            " on conflict do nothing",
            [(self.organizations[organization], self.ids[person]) for organization, person in world.memberships],
        )
        for number, asset in enumerate(world.assets):
            await connection.execute(
                "insert into asset (id, asset_type, owner_id, organization_id, parent_id, visibility, name)"
                " values ($1, $2, $3, $4, $5, $6, $7)",
                self.assets[number],
                asset.kind,
                self.ids[asset.owner],
                None if asset.organization is None else self.organizations[asset.organization],
                None if asset.parent is None else self.assets[asset.parent],
                asset.visibility,
                self.word,
            )
        await connection.executemany(
            "insert into permission (id, asset_id, person_id, role, bought) values (gen_random_uuid(), $1, $2, $3, $4)",
            permissions,
        )

    def _first_organizations(self) -> list[UUID]:
        return [self.organizations[number % ORGANIZATIONS] for number in range(PEOPLE)]

    def bound_to(self, person: int, bound: bool) -> int | None:
        """Return the number of the only organization that a key opens, or None."""
        return person % ORGANIZATIONS if bound else None

    def database_roles(self) -> dict[tuple[int, int, int | None], tuple[int, bool]]:
        """Return the result of `asset_role` and membership in `asset_known`, by asset, person and organization."""
        rows = self.server.query(
            "select a.id, v.person, v.reached, asset_role(a, v.person, v.reached) as role,"
            " exists (select from asset_known(v.person, v.reached) k where k.id = a.id) as known"
            " from asset a cross join unnest($2::uuid[], $3::uuid[]) as v (person, reached) where a.name = $1",
            self.word,
            self.ids * 2,
            [None] * PEOPLE + self._first_organizations(),
        )
        number = {value: number for values in (self.ids, self.organizations) for number, value in enumerate(values)}
        return {
            (self.assets.index(row["id"]), number[row["person"]], number.get(row["reached"])): (
                row["role"],
                row["known"],
            )
            for row in rows
        }


@pytest.fixture(scope="module")
def stage(server: Server) -> Iterator[Stage]:
    """People with keys on the shared server."""
    with ExitStack() as stack:
        yield Stage(server, stack)


EXAMPLES = settings(max_examples=12)


@EXAMPLES
@given(world=worlds())
def test_the_database_rule_equals_the_python_rule(stage: Stage, world: World) -> None:
    """`asset_role` returns the expected role, and `asset_known` has exactly the assets with a role of 0 or more."""
    stage.set_world(world)
    for (asset, person, bound_to), (role, known) in stage.database_roles().items():
        expected = expected_role(world, asset, person, bound_to)
        assert (role, known) == (expected, expected >= 0), (world, asset, person, bound_to)


@EXAMPLES
@given(world=worlds(), person=st.integers(0, PEOPLE - 1), bound=st.booleans())
def test_the_api_shows_what_the_rule_allows(stage: Stage, world: World, person: int, bound: bool) -> None:
    """Single assets, every scope of the search, and the explanations agree with the expected role."""
    stage.set_world(world)
    client, bound_to = stage.clients[person, bound], stage.bound_to(person, bound)
    for asset, asset_id in enumerate(stage.assets):
        rank = expected_role(world, asset, person, bound_to)
        response = client.get(f"/assets/{asset_id}")
        assert response.status_code == (200 if rank >= 0 else 404)
        if rank >= 0:
            assert response.json()["data"]["role"] == NAMES.get(rank)
        for action, required in REQUIRED_ROLES.items():
            explained = client.get(f"/assets/{asset_id}/explain", params={"action": action})
            assert explained.status_code == response.status_code
            if rank >= 0:
                assert_explanation(explained.json()["data"], rank, required)
        if rank == RANKS["admin"]:
            assert_explanations_of_others(stage, world, client, asset)
    for scope in ("all", "personal", "org", "shared", "purchased", "global"):
        expected = {
            str(asset_id)
            for asset, asset_id in enumerate(stage.assets)
            if is_found(world, asset, scope, person, bound_to)
        }
        assert set(search(client, stage.word, scope)) == expected, (scope, world)


def assert_explanation(explained: dict[str, Any], rank: int, required: int) -> None:
    """Assert that an explanation allows what the rank allows, and that its reasons add up to exactly the rank."""
    assert explained["allowed"] is (rank >= required)
    assert explained["role"] == NAMES.get(rank)
    given = [
        reason_rank
        for reason_rank, name in ROLE_NAMES.items()
        if name is not None
        for reason in explained["reasons"]
        if reason["gives"] == name
    ]
    assert max(given, default=-1) == rank


def assert_explanations_of_others(stage: Stage, world: World, client: httpx.Client, asset: int) -> None:
    """Assert that an administrator gets the explanation of every person's role, for a key that is not bound."""
    for other, person_id in enumerate(stage.ids):
        params = {"action": "write", "user_id": str(person_id)}
        explained = client.get(f"/assets/{stage.assets[asset]}/explain", params=params)
        assert explained.status_code == 200, explained.text
        # An explanation of one's own role is about the key in use.
        bound_to = stage.bound_to(other, client is stage.clients[other, True])
        assert_explanation(explained.json()["data"], expected_role(world, asset, other, bound_to), RANKS["write"])


def search(client: httpx.Client, word: str, scope: str) -> list[str]:
    """Return the ids that a search finds, in pages of three. `hasMore` must be true exactly while there are more."""
    ids: list[str] = []
    while True:
        params = {"query": word, "scope": scope, "sort": "recent", "limit": "3", "offset": str(len(ids))}
        page = client.get("/search/assets", params=params).json()
        ids += [asset["id"] for asset in page["data"]]
        if not page["pagination"]["hasMore"]:
            assert len(ids) == len(set(ids))
            return ids
        assert len(page["data"]) == 3
