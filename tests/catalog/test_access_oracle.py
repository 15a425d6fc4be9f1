"""Who may do what, against a second opinion: random people, keys, assets and grants, and a rule written in Python."""

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
LEAVE = (
    "delete from membership where organization_id = any ($1::uuid[]) and person_id = any ($2::uuid[])"
    " and (organization_id, person_id) not in (select * from unnest($3::uuid[], $2))"
)
REFUND = (
    "update permission g set bought = false, role = coalesce(g.role, 'read') from asset a"
    " where a.id = g.asset_id and a.name = $1 and g.bought"
)
WORDS = {rank: word for word, rank in RANKS.items()}


class Asset(msgspec.Struct):
    """An asset as it is drawn: people, organizations and parents by number; no organization is the personal context."""

    owner: int
    organization: int | None
    visibility: str
    parent: int | None
    kind: str


class World(msgspec.Struct):
    """Assets; roles and purchases by asset and person; memberships by organization and person, beside everybody's."""

    assets: list[Asset]
    grants: dict[tuple[int, int], str]
    bought: set[tuple[int, int]]
    memberships: set[tuple[int, int]]


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """A world whose assets inherit from earlier ones, if they do."""
    person, organization = st.integers(0, PEOPLE - 1), st.integers(0, ORGANIZATIONS - 1)
    assets: list[Asset] = []
    for place in range(draw(st.integers(1, MAX_ASSETS))):
        parent = draw(st.none() | st.integers(0, place - 1)) if place else None
        belongs = draw(st.none() | organization)
        possible = [
            each
            for each in VISIBILITIES
            if (each != "inherit" or parent is not None) and (each != "organization" or belongs is not None)
        ]
        kind = draw(st.sampled_from(("file", "dataset", "comment")))
        assets.append(Asset(draw(person), belongs, draw(st.sampled_from(possible)), parent, kind))
    asset = st.integers(0, len(assets) - 1)
    grants = draw(st.dictionaries(st.tuples(asset, person), st.sampled_from(tuple(RANKS)), max_size=8))
    # An owner buys nothing of their own.
    bought = {(n, who) for n, who in draw(st.sets(st.tuples(asset, person), max_size=8)) if assets[n].owner != who}
    memberships = draw(st.sets(st.tuples(organization, person), max_size=6))
    return World(assets, grants, bought, memberships | {(person % ORGANIZATIONS, person) for person in range(PEOPLE)})


def root(world: World, asset: int) -> int:
    """The asset whose visibility is an asset's own: itself, or the first above it that does not inherit."""
    while world.assets[asset].visibility == "inherit":
        parent = world.assets[asset].parent
        assert parent is not None
        asset = parent
    return asset


def role(world: World, asset: int, person: int, reaches: int | None) -> int:
    """What a person may do by a key that opens one organization or, if None, everything: -1 to 3."""
    top = root(world, asset)
    organization, audience = world.assets[top].organization, world.assets[top].visibility
    reached = reaches is None or organization == reaches
    ranks = [{"public": 1, "monetized": 0}.get(audience, -1)]
    if audience == "organization" and reached and (organization, person) in world.memberships:
        ranks.append(1)
    for place in (asset, top):
        if reached and world.assets[place].owner == person:
            ranks.append(3)
        elif reached and (place, person) in world.grants:
            ranks.append(RANKS[world.grants[place, person]])
        if (place, person) in world.bought:
            ranks.append(1)  # whatever key
    return max(ranks)


def found(world: World, asset: int, scope: str, person: int, reaches: int | None) -> bool:
    """Whether a search of a scope finds an asset."""
    it, top = world.assets[asset], world.assets[root(world, asset)]
    if role(world, asset, person, reaches) < 0 or it.kind == "comment":
        return False
    is_shared = it.owner != person and (asset, person) in world.grants
    return {
        "all": True,
        "personal": it.owner == person,
        "org": (top.organization, person) in world.memberships and reaches in (None, top.organization),
        "shared": is_shared,
        "purchased": (asset, person) in world.bought,
        "global": top.visibility in ("public", "monetized"),
    }[scope]


class Stage:
    """Real people with real keys on a real server, where worlds are played one after the other."""

    def __init__(self, server: Server, stack: ExitStack) -> None:
        self.server = server
        self.word = f"w{secrets.token_hex(6)}"
        first = [server.new_member() for _ in range(ORGANIZATIONS)]
        more = [server.new_member(organization=first[n % ORGANIZATIONS].organization) for n in range(3, PEOPLE)]
        self.people: list[Member] = [*first, *more]
        self.organizations = [UUID(member.organization) for member in first]
        self.ids = [UUID(member.person) for member in self.people]
        # By person, and whether the key is bound to the organization they are always in.
        self.clients: dict[tuple[int, bool], httpx.Client] = {}
        for number, member in enumerate(self.people):
            free = server.new_key(member)
            self.clients[number, True] = stack.enter_context(exchange_client(server, member.key))
            self.clients[number, False] = stack.enter_context(exchange_client(server, free.key))
        self.assets: list[UUID] = []

    def play(self, world: World) -> None:
        """Make the server hold this world and nothing of the one before."""
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
        await connection.execute(REFUND, self.word)
        await connection.execute("delete from asset where name = $1", self.word)
        await connection.execute(LEAVE, self.organizations, self.ids, self._always())
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

    def _always(self) -> list[UUID]:
        return [self.organizations[number % ORGANIZATIONS] for number in range(PEOPLE)]

    def reached(self, person: int, bound: bool) -> int | None:
        """The number of the one organization a key opens, or None."""
        return person % ORGANIZATIONS if bound else None

    def known(self) -> dict[tuple[int, int, int | None], tuple[int, bool]]:
        """By asset, person and reached organization: what `asset_role` says, and whether `asset_known` has it."""
        rows = self.server.query(
            "select a.id, v.person, v.reached, asset_role(a, v.person, v.reached) as role,"
            " exists (select from asset_known(v.person, v.reached) k where k.id = a.id) as known"
            " from asset a cross join unnest($2::uuid[], $3::uuid[]) as v (person, reached) where a.name = $1",
            self.word,
            self.ids * 2,
            [None] * PEOPLE + self._always(),
        )
        number = {value: place for values in (self.ids, self.organizations) for place, value in enumerate(values)}
        return {
            (self.assets.index(row["id"]), number[row["person"]], number.get(row["reached"])): (
                row["role"],
                row["known"],
            )
            for row in rows
        }


@pytest.fixture(scope="module")
def stage(server: Server) -> Iterator[Stage]:
    """A stage on the shared server."""
    with ExitStack() as stack:
        yield Stage(server, stack)


PLAY = settings(max_examples=12)


@PLAY
@given(world=worlds())
def test_the_rule_in_sql_is_the_rule(stage: Stage, world: World) -> None:
    """`asset_role` says what the second opinion says, and `asset_known` has what it answers 0 or more."""
    stage.play(world)
    for (asset, person, reaches), (says, known) in stage.known().items():
        expected = role(world, asset, person, reaches)
        assert (says, known) == (expected, expected >= 0), (world, asset, person, reaches)


@PLAY
@given(world=worlds(), person=st.integers(0, PEOPLE - 1), bound=st.booleans())
def test_one_sees_what_one_may(stage: Stage, world: World, person: int, bound: bool) -> None:
    """Single assets, every scope of the search, and the explanations agree with the second opinion."""
    stage.play(world)
    client, reaches = stage.clients[person, bound], stage.reached(person, bound)
    for asset, asset_id in enumerate(stage.assets):
        rank = role(world, asset, person, reaches)
        answer = client.get(f"/assets/{asset_id}")
        assert answer.status_code == (200 if rank >= 0 else 404)
        if rank >= 0:
            assert answer.json()["data"]["role"] == WORDS.get(rank)
        for action, needed in REQUIRED_ROLES.items():
            explained = client.get(f"/assets/{asset_id}/explain", params={"action": action})
            assert explained.status_code == answer.status_code
            if rank >= 0:
                assert_explains(explained.json()["data"], rank, needed)
        if rank == RANKS["admin"]:
            assert_explains_others(stage, world, client, asset)
    for scope in ("all", "personal", "org", "shared", "purchased", "global"):
        expected = {
            str(asset_id) for asset, asset_id in enumerate(stage.assets) if found(world, asset, scope, person, reaches)
        }
        assert set(listed(client, stage.word, scope)) == expected, (scope, world)


def assert_explains(explained: dict[str, Any], rank: int, needed: int) -> None:
    """An explanation allows what the rank suffices for, and its reasons come to the rank and no more."""
    assert explained["allowed"] is (rank >= needed)
    assert explained["role"] == WORDS.get(rank)
    given = [
        place
        for place, word in ROLE_NAMES.items()
        if word is not None
        for each in explained["reasons"]
        if each["gives"] == word
    ]
    assert max(given, default=-1) == rank


def assert_explains_others(stage: Stage, world: World, client: httpx.Client, asset: int) -> None:
    """To whoever administers an asset it is explained what anybody may, by a key that is not bound."""
    for other, person_id in enumerate(stage.ids):
        params = {"action": "write", "user_id": str(person_id)}
        explained = client.get(f"/assets/{stage.assets[asset]}/explain", params=params)
        assert explained.status_code == 200, explained.text
        # Whoever asks about themselves asks about the key they use.
        reaches = stage.reached(other, client is stage.clients[other, True])
        assert_explains(explained.json()["data"], role(world, asset, other, reaches), RANKS["write"])


def listed(client: httpx.Client, word: str, scope: str) -> list[str]:
    """The ids a search finds, page by page of three; `hasMore` is true exactly while there are more."""
    ids: list[str] = []
    while True:
        params = {"query": word, "scope": scope, "sort": "recent", "limit": "3", "offset": str(len(ids))}
        page = client.get("/search/assets", params=params).json()
        ids += [each["id"] for each in page["data"]]
        if not page["pagination"]["hasMore"]:
            assert len(ids) == len(set(ids))
            return ids
        assert len(page["data"]) == 3
