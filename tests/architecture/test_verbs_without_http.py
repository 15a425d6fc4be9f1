"""Verbs of different rooms are called with a Principal of each kind, on a database and without a server."""

import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

import asyncpg
import pytest

from _support.databases import copy_empty_cluster, new_database
from hallmarket.server.audit.read import EventFilters, EventRequest, list_personal_events
from hallmarket.server.catalog.search import search_assets
from hallmarket.server.catalog.search_query import read_search
from hallmarket.server.catalog.types import AssetFields
from hallmarket.server.database.connections import Database
from hallmarket.server.database.embedded import EmbeddedPostgres
from hallmarket.server.database.migrate import migrate
from hallmarket.server.errors import Unauthenticated
from hallmarket.server.http.media_dialect import PageRequest
from hallmarket.server.identity.organizations import list_own_organizations
from hallmarket.server.identity.profile import ProfileFields, change_profile, get_own_profile
from hallmarket.server.identity.provisioning import create_organization, create_person
from hallmarket.server.media.list import ALL_MEDIA, list_media
from hallmarket.server.notifications.list import count_unread
from hallmarket.server.paging import Window
from hallmarket.server.posts.create import create_post
from hallmarket.server.posts.types import CreatePost
from hallmarket.server.principal import NOBODY, OPERATOR, WEBHOOK, Origin, Person, Principal, job_for
from hallmarket.server.purchases.licences import LicenceFilter, list_licences
from hallmarket.server.teams.list import TeamFilters, list_teams
from hallmarket.server.wallet.balance import get_usd_balance

Verb = Callable[[Database, Principal], Awaitable[Any]]
WINDOW = Window(0, 10)
VERBS: dict[str, Verb] = {
    "identity: get profile": get_own_profile,
    "identity: change profile": lambda db, who: change_profile(db, who, ProfileFields(bio="Writes.")),
    "identity: list organizations": lambda db, who: list_own_organizations(db, who, WINDOW),
    "teams: list": lambda db, who: list_teams(db, who, TeamFilters(), WINDOW),
    "notifications: count": count_unread,
    "audit: list": lambda db, who: list_personal_events(db, who, EventRequest(EventFilters(), WINDOW)),
    "catalog: search": lambda db, who: search_assets(db, who, read_search({}, who), WINDOW),
    "posts: create": lambda db, who: create_post(db, {}, who, CreatePost(AssetFields(name="A note"), "Hello.")),
    "wallet: balance": get_usd_balance,
    "purchases: list licences": lambda db, who: list_licences(db, who, LicenceFilter(), WINDOW),
    "media: list": lambda db, who: list_media(db, who, ALL_MEDIA, PageRequest(1, 10, 0, None), ""),
}


class House(NamedTuple):
    """A database with one person in one organization."""

    url: str
    person_id: UUID
    organization_id: UUID


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """A migrated PostgreSQL, and no server."""
    with tempfile.TemporaryDirectory(prefix="hallmarket-test-") as folder, new_database() as given:
        postgres = None
        if not given:
            data = Path(folder) / "data"
            copy_empty_cluster(data)
            postgres = EmbeddedPostgres(data)
            postgres.start()
        url = given or (postgres.url if postgres else "")
        try:
            yield asyncio.run(_prepare(url))
        finally:
            if postgres is not None:
                postgres.stop()


async def _prepare(url: str) -> House:
    await migrate(url)
    connection = await asyncpg.connect(url)
    try:
        organization_id = await create_organization(connection, "The Gazette")
        person_id = await create_person(connection, "jane", organization_id=organization_id, role="admin")
    finally:
        await connection.close()
    return House(url, person_id, organization_id)


def call(house: House, verb: Verb, principal: Principal) -> Any:
    """The value of a verb, called with a principal on the database."""

    async def run() -> Any:
        database = Database(house.url, 2)
        await database.open()
        try:
            return await verb(database, principal)
        finally:
            await database.close()

    return asyncio.run(run())


def people(house: House) -> dict[str, Principal]:
    """A principal of each kind that is a person."""
    person = Person(house.person_id, "jane")
    organizations = frozenset({house.organization_id})
    origin = Origin("192.0.2.1", "a test", "request-1")
    own = {"person": person, "organization_id": house.organization_id, "organizations": organizations}
    return {
        "key": Principal(means="key", origin=origin, **own),
        "session": Principal(means="session", origin=origin, **own),
        "job for a person": Principal(means="job", **own),
    }


@pytest.mark.parametrize("name", VERBS)
def test_person_gets_a_value_by_any_means(house: House, name: str) -> None:
    """A key, a session and a job on somebody's behalf call the same verb, and each gets its value."""
    for principal in people(house).values():
        assert call(house, VERBS[name], principal) is not None


@pytest.mark.parametrize("name", VERBS)
@pytest.mark.parametrize("principal", [OPERATOR, WEBHOOK, NOBODY, job_for()], ids=lambda each: each.means)
def test_verb_of_a_person_refuses_everyone_else(house: House, name: str, principal: Principal) -> None:
    """A verb that needs a person says so to the operator, a webhook, a job and a stranger; it never crashes."""
    own = Principal(
        means=principal.means, organization_id=house.organization_id, organizations=frozenset({house.organization_id})
    )
    if name == "media: list":  # what an organization anchored belongs to it, not to a person
        assert call(house, VERBS[name], own) is not None
        return
    with pytest.raises(Unauthenticated):
        call(house, VERBS[name], own)


def test_action_is_recorded_with_its_means_and_origin(house: House) -> None:
    """The audit trail has who acted, and from where, without any request."""
    principal = people(house)["key"]
    post = call(house, VERBS["posts: create"], principal)

    async def read() -> asyncpg.Record:
        connection = await asyncpg.connect(house.url)
        try:
            row = await connection.fetchrow("select * from audit_event where subject_id = $1", post.id)
        finally:
            await connection.close()
        assert row is not None
        return row

    row = asyncio.run(read())
    assert (row["actor_id"], row["address"]) == (house.person_id, "192.0.2.1")
    assert (row["user_agent"], row["request_id"]) == ("a test", "request-1")
